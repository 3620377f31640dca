package io.jwtd.peers;

import io.grpc.stub.StreamObserver;
import io.jwtd.v1.VerifierServiceGrpc.VerifierServiceStub;
import io.jwtd.v1.VerifyStreamRequest;
import io.jwtd.v1.VerifyStreamResponse;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/** One stream of tokens, each in a message of its own, sent as long as there is room in a window. */
final class Streamed implements StreamObserver<VerifyStreamResponse> {
    private static final int WINDOW = 256; // messages that are not answered yet

    private final Span span;
    private final List<String> tokens;
    private final VerifierServiceStub stub;
    /** An id is a place in the window. Whoever takes it out of `free` owns its `asked`. */
    private final BlockingQueue<Integer> free = new ArrayBlockingQueue<>(WINDOW);
    private final int[] asked = new int[WINDOW];

    Streamed(Span span, List<String> tokens, VerifierServiceStub stub) {
        this.span = span;
        this.tokens = tokens;
        this.stub = stub;
        for (var id = 0; id < WINDOW; id++) {
            free.add(id);
        }
    }

    void send() throws InterruptedException {
        var messages = stub.verifyStream(this);
        for (var at = 0;; at = (at + 1) % tokens.size()) {
            var id = free.take();
            asked[id] = at;
            var message = VerifyStreamRequest.newBuilder().setId(id).addTokens(tokens.get(at));
            messages.onNext(message.setOptions(Call.OPTIONS).build());
        }
    }

    @Override
    public void onNext(VerifyStreamResponse answer) {
        try {
            read(answer);
        } catch (RuntimeException error) { // grpc-java would tell of a cancelled call instead
            span.fail(error);
        }
    }

    private void read(VerifyStreamResponse answer) {
        var id = (int) answer.getId();
        if (answer.hasError()) {
            throw new IllegalStateException("token " + (asked[id] + 1) + ": " + answer.getError().getMessage());
        }
        Call.readAll(answer.getVerdicts().getVerdictsList(), 1, asked[id]);
        free.add(id);
        span.judged(1);
    }

    @Override
    public void onError(Throwable error) {
        span.fail(error);
    }

    @Override
    public void onCompleted() {
        span.fail(new IllegalStateException("the daemon ended the stream"));
    }
}
