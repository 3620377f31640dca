package io.jwtd.interop;

import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Keeps the answers of a call, its status, and the handle to cancel it. */
final class Answers<Q, A> implements ClientResponseObserver<Q, A> {
    private final LinkedBlockingQueue<A> answers = new LinkedBlockingQueue<>();
    private final CompletableFuture<Status> end = new CompletableFuture<>();
    private ClientCallStreamObserver<Q> call;

    @Override
    public void beforeStart(ClientCallStreamObserver<Q> started) {
        call = started;
    }

    @Override
    public void onNext(A answer) {
        answers.add(answer);
    }

    @Override
    public void onError(Throwable error) {
        end.complete(Status.fromThrowable(error));
    }

    @Override
    public void onCompleted() {
        end.complete(Status.OK);
    }

    A next() throws InterruptedException {
        var answer = answers.poll(15, TimeUnit.SECONDS);
        Results.require(answer != null, "no answer; the call: " + end);
        return answer;
    }

    /** Responses that arrived without a request. */
    int left() {
        return answers.size();
    }

    void cancel() {
        call.cancel("the test cancels", null);
    }

    void requireEnd(Status.Code code) throws Exception {
        var status = end.get(15, TimeUnit.SECONDS);
        Results.require(status.getCode() == code, "ended with " + status + ", not with " + code);
    }
}
