package io.jwtd.peers;

import com.google.gson.Gson;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.jwtd.v1.Verdict;
import io.jwtd.v1.VerifierServiceGrpc;
import io.jwtd.v1.VerifierServiceGrpc.VerifierServiceBlockingStub;
import io.jwtd.v1.VerifyBatchRequest;
import io.jwtd.v1.VerifyOptions;
import io.jwtd.v1.VerifyRequest;
import io.jwtd.v1.View;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The daemon judges the tokens, asked over one channel with the default options of grpc-java. */
final class Call {
    private static final int UNARY_CALLS = 16; // in flight at once
    private static final int BATCH_CALLS = 4; // in flight at once
    private static final int BATCH_TOKENS = 256; // in one call
    /** They ask for what a library in process gives, too: the claims. */
    static final VerifyOptions OPTIONS = VerifyOptions.newBuilder().setView(View.VIEW_CLAIMS).build();
    private static final Gson GSON = new Gson();

    private Call() {}

    static void measure(Peer peer) throws Exception {
        var tokens = peer.tokens();
        var channel = Grpc.newChannelBuilder(peer.flag("target"), InsecureChannelCredentials.create()).build();
        var blocking = VerifierServiceGrpc.newBlockingStub(channel);
        var span = new Span();
        var jobs = new ArrayList<Span.Job>();
        switch (peer.flag("way")) {
            case "unary" -> {
                for (var first = 0; first < UNARY_CALLS; first++) {
                    jobs.add(unary(span, blocking, tokens, first));
                }
            }
            case "batch" -> {
                for (var first = 0; first < BATCH_CALLS; first++) {
                    jobs.add(batch(span, blocking, tokens, first));
                }
            }
            case "stream" -> jobs.add(new Streamed(span, tokens, VerifierServiceGrpc.newStub(channel))::send);
            default -> throw new IllegalArgumentException("grpc-java has no way " + peer.flag("way"));
        }
        span.measure("grpc-java", Span.versionOf(Grpc.class), peer.flag("way"), peer.seconds(), jobs);
    }

    /** Asks about one token after the other; its neighbours ask about those between. */
    private static Span.Job unary(Span span, VerifierServiceBlockingStub stub, List<String> tokens, int first) {
        return () -> {
            for (var at = first % tokens.size();; at = (at + UNARY_CALLS) % tokens.size()) {
                var request = VerifyRequest.newBuilder().setToken(tokens.get(at)).setOptions(OPTIONS);
                read(patient(stub).verify(request.build()).getVerdict(), at);
                span.judged(1);
            }
        };
    }

    private static Span.Job batch(Span span, VerifierServiceBlockingStub stub, List<String> tokens, int first) {
        var batches = (tokens.size() + BATCH_TOKENS - 1) / BATCH_TOKENS;
        return () -> {
            for (var number = first % batches;; number = (number + BATCH_CALLS) % batches) {
                var at = number * BATCH_TOKENS;
                var some = tokens.subList(at, Math.min(at + BATCH_TOKENS, tokens.size()));
                var request = VerifyBatchRequest.newBuilder().addAllTokens(some).setOptions(OPTIONS);
                readAll(patient(stub).verifyBatch(request.build()).getVerdictsList(), some.size(), at);
                span.judged(some.size());
            }
        };
    }

    private static VerifierServiceBlockingStub patient(VerifierServiceBlockingStub stub) {
        return stub.withDeadlineAfter(2, TimeUnit.SECONDS);
    }

    /** Reads the verdicts of tokens that follow each other in the file. */
    static void readAll(List<Verdict> verdicts, int wanted, int first) {
        if (verdicts.size() != wanted) {
            throw new IllegalStateException(verdicts.size() + " verdicts of " + wanted + " tokens");
        }
        for (var at = 0; at < wanted; at++) {
            read(verdicts.get(at), first + at);
        }
    }

    /** Takes from a verdict what a service needs: the permit, and the claims as Java has them. */
    private static void read(Verdict verdict, int at) {
        if (!verdict.getPermit()) {
            throw new IllegalStateException("token " + (at + 1) + " is refused: " + verdict.getReason());
        }
        if (GSON.fromJson(verdict.getClaimsJson().toStringUtf8(), Map.class) == null) {
            throw new IllegalStateException("token " + (at + 1) + " came without claims");
        }
    }
}
