package io.jwtd.interop;

import static io.jwtd.interop.Results.require;

import com.google.protobuf.DescriptorProtos.FieldDescriptorProto.Type;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import java.util.concurrent.TimeUnit;

/** Standard services of every gRPC server: health and reflection. */
final class ServiceChecks {
    private ServiceChecks() {}

    static String health(Scene scene) throws Exception {
        var stub = HealthGrpc.newBlockingStub(scene.channel()).withDeadlineAfter(15, TimeUnit.SECONDS);
        for (var service : new String[] {"", Scene.SERVICE}) {
            var request = HealthCheckRequest.newBuilder().setService(service).build();
            require(stub.check(request).getStatus() == ServingStatus.SERVING, service);
            var answers = new Answers<HealthCheckRequest, HealthCheckResponse>();
            HealthGrpc.newStub(scene.channel()).watch(request, answers);
            require(answers.next().getStatus() == ServingStatus.SERVING, service);
            answers.cancel();
            answers.requireEnd(Status.Code.CANCELLED);
        }
        try {
            stub.check(HealthCheckRequest.newBuilder().setService("nobody").build());
            throw new AssertionError("an unknown service is healthy");
        } catch (StatusRuntimeException error) {
            require(error.getStatus().getCode() == Status.Code.NOT_FOUND, error);
        }
        return "";
    }

    static String reflection(Scene scene) throws Exception {
        var answers = new Answers<ServerReflectionRequest, ServerReflectionResponse>();
        var requests = ServerReflectionGrpc.newStub(scene.channel())
            .withDeadlineAfter(15, TimeUnit.SECONDS).serverReflectionInfo(answers);
        requests.onNext(ServerReflectionRequest.newBuilder().setListServices("*").build());
        var services = answers.next().getListServicesResponse().getServiceList();
        for (var name : new String[] {Scene.SERVICE, HealthGrpc.SERVICE_NAME, ServerReflectionGrpc.SERVICE_NAME}) {
            require(services.stream().anyMatch(one -> one.getName().equals(name)), services);
        }
        var symbol = ServerReflectionRequest.newBuilder().setFileContainingSymbol("jwtd.v1.VerifyRequest");
        requests.onNext(symbol.build());
        var files = answers.next().getFileDescriptorResponse().getFileDescriptorProtoList();
        var tokens = 0;
        for (var bytes : files) {
            var messages = FileDescriptorProto.parseFrom(bytes).getMessageTypeList().stream();
            var fields = messages.filter(one -> one.getName().equals("VerifyRequest"))
                .flatMap(one -> one.getFieldList().stream()).filter(one -> one.getName().equals("token"));
            for (var field : fields.toList()) {
                require(field.getType() == Type.TYPE_STRING, field);
                tokens++;
            }
        }
        require(tokens == 1, tokens + " fields jwtd.v1.VerifyRequest.token");
        requests.onCompleted();
        answers.requireEnd(Status.Code.OK);
        return "v1";
    }
}
