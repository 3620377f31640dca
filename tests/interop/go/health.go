package main

import (
	"context"
	"fmt"

	pb "github.com/jwtd/jwtd/gen/go/jwtd/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // has channels ask for health
	"google.golang.org/grpc/health/grpc_health_v1"
)

const (
	service = "jwtd.v1.VerifierService"
	serving = grpc_health_v1.HealthCheckResponse_SERVING
)

func healthService(ctx context.Context, s *scene) (string, error) {
	health := grpc_health_v1.NewHealthClient(s.conn)
	for _, name := range []string{"", service} {
		request := &grpc_health_v1.HealthCheckRequest{Service: name}
		answer, err := health.Check(ctx, request)
		if err != nil || answer.Status != serving {
			return "", fmt.Errorf("Check %q: %v %w", name, answer.GetStatus(), err)
		}
		watched, cancel := context.WithCancel(ctx)
		defer cancel()
		watch, err := health.Watch(watched, request)
		if err != nil {
			return "", err
		}
		if answer, err = watch.Recv(); err != nil || answer.Status != serving {
			return "", fmt.Errorf("Watch %q: %v %w", name, answer.GetStatus(), err)
		}
	}
	_, err := health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: "nobody"})
	return "", expectCode("an unknown service", err, codes.NotFound)
}

// healthOfBalancer has the channel itself watch the health and call only while the
// daemon is SERVING, as gRPC's client-side health checking does.
func healthOfBalancer(ctx context.Context, s *scene) (string, error) {
	config := fmt.Sprintf(`{"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": %q}}`, service)
	conn, err := grpc.NewClient(s.daemon.target(s.transport),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultServiceConfig(config))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	token, err := s.token("ES256", nil)
	if err != nil {
		return "", err
	}
	answer, err := pb.NewVerifierServiceClient(conn).Verify(ctx, &pb.VerifyRequest{Token: token})
	if err != nil {
		return "", err
	}
	return "round_robin, healthCheckConfig", expect("the call", answer.Verdict, pb.Reason_REASON_OK)
}
