import com.google.gson.*;
import io.grpc.*;
import io.jwtd.v1.*;
import java.util.*;
import java.util.concurrent.TimeUnit;

/** Verifies the tokens on standard input, one per line, with jwtd. */
public final class Verify {
    // waitForReady: wait for a daemon that is starting, within the deadline.
    private static final String SERVICE_CONFIG = """
            {"methodConfig": [{"name": [{"service": "jwtd.v1.VerifierService"}], "waitForReady": true,
              "retryPolicy": {"maxAttempts": 4, "initialBackoff": "0.05s", "maxBackoff": "1s",
                "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}}]}""";

    private record Claims(String sub) {}

    public static void main(String[] arguments) {
        var request = VerifyBatchRequest.newBuilder().addAllTokens(new Scanner(System.in).tokens().toList())
                .setOptions(VerifyOptions.newBuilder().setView(View.VIEW_CLAIMS)).build();
        var address = System.getenv().getOrDefault("JWTD_ADDRESS", "127.0.0.1:7519");
        var channel = Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).enableRetry()
                .defaultServiceConfig(new Gson().<Map<String, ?>>fromJson(SERVICE_CONFIG, Map.class)).build();
        try {
            var stub = VerifierServiceGrpc.newBlockingStub(channel).withDeadlineAfter(2, TimeUnit.SECONDS);
            for (var verdict : stub.verifyBatch(request).getVerdictsList()) {
                var claims = new Gson().fromJson(verdict.getClaimsJson().toStringUtf8(), Claims.class);
                System.out.println(verdict.getPermit() ? "permit " + Objects.toString(claims.sub(), "")
                        : "refuse " + verdict.getReason().name().replaceFirst("^REASON_", ""));
            }
        } catch (StatusRuntimeException error) {
            System.err.println("jwtd is unavailable: " + error.getStatus().getCode());
            System.exit(75); // EX_TEMPFAIL: a failure of the service, not of the token
        } finally {
            channel.shutdownNow();
        }
    }
}
