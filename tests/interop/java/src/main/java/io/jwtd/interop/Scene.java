package io.jwtd.interop;

import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.jwtd.v1.VerifierServiceGrpc;
import io.jwtd.v1.VerifierServiceGrpc.VerifierServiceBlockingStub;
import io.jwtd.v1.VerifierServiceGrpc.VerifierServiceStub;
import io.jwtd.v1.VerifyRequest;
import java.util.concurrent.TimeUnit;

/** A daemon and a client of it over one transport. */
record Scene(Daemon daemon, String transport, Tokens tokens, ManagedChannel channel) {
    static final String SERVICE = VerifierServiceGrpc.SERVICE_NAME;

    /** A channel with the default options of grpc-java: what people use. */
    static ManagedChannel connect(Daemon daemon, String transport) {
        return Grpc.newChannelBuilder(daemon.target(transport), InsecureChannelCredentials.create()).build();
    }

    VerifierServiceBlockingStub blocking() {
        return VerifierServiceGrpc.newBlockingStub(channel).withDeadlineAfter(15, TimeUnit.SECONDS);
    }

    VerifierServiceStub async() {
        return VerifierServiceGrpc.newStub(channel).withDeadlineAfter(15, TimeUnit.SECONDS);
    }

    /** Checks that a good token is permitted: the calls before must have done no harm. */
    void requireServing() throws Exception {
        var request = VerifyRequest.newBuilder().setToken(tokens.good(Algorithm.ES256, "user")).build();
        var verdict = blocking().verify(request).getVerdict();
        Results.require(verdict.getPermit(), verdict);
    }
}
