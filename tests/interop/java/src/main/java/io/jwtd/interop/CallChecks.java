package io.jwtd.interop;

import static io.jwtd.interop.Results.require;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.jwtd.v1.VerifierServiceGrpc;
import io.jwtd.v1.VerifyBatchRequest;
import io.jwtd.v1.VerifyBatchResponse;
import io.jwtd.v1.VerifyRequest;
import io.jwtd.v1.VerifyStreamRequest;
import io.jwtd.v1.VerifyStreamResponse;
import java.util.concurrent.TimeUnit;

/** Calls that end early, and a call that begins early. */
final class CallChecks {
    private CallChecks() {}

    /** A deadline that passes before the call leaves the client, and one that passes while the daemon works. */
    static String deadline(Scene scene) throws Exception {
        for (var micros : new long[] {1, 30_000}) {
            var request = VerifyBatchRequest.newBuilder().addAllTokens(scene.tokens().dear()).build();
            var before = badSignatures(scene);
            try {
                VerifierServiceGrpc.newBlockingStub(scene.channel())
                    .withDeadlineAfter(micros, TimeUnit.MICROSECONDS).verifyBatch(request);
                throw new AssertionError("answered within " + micros + " us");
            } catch (StatusRuntimeException error) {
                require(error.getStatus().getCode() == Status.Code.DEADLINE_EXCEEDED, error);
            }
            scene.daemon().awaitIdle();
            var checked = badSignatures(scene) - before;
            require(checked < request.getTokensCount(), "all was checked in vain");
        }
        scene.requireServing();
        return "";
    }

    private static double badSignatures(Scene scene) throws Exception {
        return scene.daemon().metric("jwtd_signature_checks_total", "ES512");
    }

    static String cancelledUnary(Scene scene) throws Exception {
        for (var pause : new long[] {0, 1, 10, 30}) {
            var request = VerifyBatchRequest.newBuilder().addAllTokens(scene.tokens().dear()).build();
            var answers = new Answers<VerifyBatchRequest, VerifyBatchResponse>();
            scene.async().verifyBatch(request, answers);
            Thread.sleep(pause);
            answers.cancel();
            answers.requireEnd(Status.Code.CANCELLED);
            scene.daemon().awaitIdle();
        }
        scene.requireServing();
        return "";
    }

    static String cancelledStream(Scene scene) throws Exception {
        var answers = new Answers<VerifyStreamRequest, VerifyStreamResponse>();
        var messages = scene.async().verifyStream(answers);
        var light = VerifyStreamRequest.newBuilder().addTokens(scene.tokens().good(Algorithm.ES256, "user"));
        messages.onNext(light.build());
        answers.next();
        // Far more than is worked off until the call is cancelled.
        var before = badSignatures(scene);
        for (var id = 1; id <= 20; id++) {
            var dear = VerifyStreamRequest.newBuilder().setId(id).addAllTokens(scene.tokens().dear());
            messages.onNext(dear.build());
        }
        answers.cancel();
        answers.requireEnd(Status.Code.CANCELLED);
        scene.daemon().awaitIdle();
        require(badSignatures(scene) - before < 20_000, "all was checked in vain");
        scene.requireServing();
        return "";
    }

    /** A client that is there before the daemon waits for it, if it says so. */
    static String waitForReady(Daemon daemon, String transport, Tokens tokens) throws Exception {
        var request = VerifyRequest.newBuilder().setToken(tokens.good(Algorithm.ES256, "user")).build();
        var channel = Scene.connect(daemon, transport);
        try {
            var answer = VerifierServiceGrpc.newFutureStub(channel)
                .withWaitForReady().withDeadlineAfter(30, TimeUnit.SECONDS).verify(request);
            Thread.sleep(500);
            require(!answer.isDone(), "ended before there was a daemon");
            daemon.start();
            require(answer.get().getVerdict().getPermit(), answer.get());
        } finally {
            channel.shutdownNow();
        }
        return "";
    }
}
