package io.jwtd.interop;

import static io.jwtd.interop.Results.require;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.jwtd.v1.Reason;
import io.jwtd.v1.VerifyBatchRequest;
import io.jwtd.v1.VerifyOptions;
import io.jwtd.v1.VerifyRequest;
import io.jwtd.v1.VerifyStreamRequest;
import io.jwtd.v1.VerifyStreamResponse;
import io.jwtd.v1.View;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;

/** The three methods, and the verdicts that they give. */
final class VerdictChecks {
    private VerdictChecks() {}

    static String unary(Scene scene) throws Exception {
        var stub = scene.blocking();
        var good = VerifyRequest.newBuilder().setToken(scene.tokens().good(Algorithm.RS256, "user")).build();
        var verdict = stub.verify(good).getVerdict();
        require(verdict.getPermit() && verdict.getReason() == Reason.REASON_OK, verdict);
        var expired = VerifyRequest.newBuilder().setToken(scene.tokens().expired(Algorithm.RS256)).build();
        verdict = stub.verify(expired).getVerdict();
        require(!verdict.getPermit() && verdict.getReason() == Reason.REASON_EXPIRED, verdict);
        return "";
    }

    static String batch(Scene scene) throws Exception {
        var tokens = new ArrayList<String>();
        var reasons = new ArrayList<Reason>();
        for (var algorithm : Algorithm.values()) {
            // Not all bytes of the claims are ASCII.
            var good = scene.tokens().good(algorithm, "user-ж-😀-" + algorithm);
            tokens.addAll(List.of(good, scene.tokens().expired(algorithm), Tokens.spoiledPayload(good)));
            reasons.addAll(List.of(Reason.REASON_OK, Reason.REASON_EXPIRED, Reason.REASON_SIGNATURE_INVALID));
        }
        tokens.add(Tokens.GARBAGE);
        reasons.add(Reason.REASON_TOKEN_NOT_COMPACT);
        var request = VerifyBatchRequest.newBuilder().addAllTokens(tokens)
            .setOptions(VerifyOptions.newBuilder().setView(View.VIEW_CLAIMS));
        var verdicts = scene.blocking().verifyBatch(request.build()).getVerdictsList();
        require(verdicts.size() == tokens.size(), verdicts.size() + " verdicts");
        for (var at = 0; at < tokens.size(); at++) {
            var verdict = verdicts.get(at);
            require(verdict.getReason() == reasons.get(at), at + ": " + verdict);
            var good = reasons.get(at) == Reason.REASON_OK;
            var claims = good ? ByteString.copyFrom(Tokens.payload(tokens.get(at))) : ByteString.EMPTY;
            require(verdict.getPermit() == good && verdict.getClaimsJson().equals(claims), at + ": " + verdict);
        }
        return tokens.size() + " tokens";
    }

    static String stream(Scene scene) throws Exception {
        var good = scene.tokens().good(Algorithm.ES256, "user");
        var expired = scene.tokens().expired(Algorithm.ES256);
        var answers = new Answers<VerifyStreamRequest, VerifyStreamResponse>();
        var messages = scene.async().verifyStream(answers);
        // So many good ones before an expired one as the message's number says: no two answers are alike.
        for (var number = 0; number < 20; number++) {
            var message = VerifyStreamRequest.newBuilder().setId(id(number));
            for (var count = 0; count < number; count++) {
                message.addTokens(good);
            }
            messages.onNext(message.addTokens(expired).build());
        }
        messages.onCompleted();
        var missing = new HashSet<Integer>();
        for (var number = 0; number < 20; number++) {
            missing.add(number);
        }
        while (!missing.isEmpty()) {
            var answer = answers.next();
            var verdicts = answer.getVerdicts().getVerdictsList();
            var number = verdicts.size() - 1;
            require(missing.remove(number) && answer.getId() == id(number), answer);
            for (var at = 0; at <= number; at++) {
                var reason = at < number ? Reason.REASON_OK : Reason.REASON_EXPIRED;
                require(verdicts.get(at).getReason() == reason, answer);
            }
        }
        answers.requireEnd(Status.Code.OK);
        require(answers.left() == 0, answers.left() + " answers too many");
        return "20 messages";
    }

    /** Ids use all 64 bits: in Java the highest make them negative. */
    private static long id(int number) {
        return -1L - number;
    }
}
