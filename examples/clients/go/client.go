package main

import (
	"context"

	pb "github.com/jwtd/jwtd/gen/go/jwtd/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// waitForReady: wait for a daemon that is starting, within the deadline.
const serviceConfig = `{"methodConfig": [{
	"name": [{"service": "jwtd.v1.VerifierService"}],
	"waitForReady": true,
	"retryPolicy": {"maxAttempts": 4, "initialBackoff": "0.05s", "maxBackoff": "1s", "backoffMultiplier": 2,
		"retryableStatusCodes": ["UNAVAILABLE"]}
}]}`

// ask verifies all tokens in one call. A service opens the connection once and keeps it.
func ask(ctx context.Context, address string, tokens []string) ([]*pb.Verdict, error) {
	conn, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultServiceConfig(serviceConfig))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	answer, err := pb.NewVerifierServiceClient(conn).VerifyBatch(ctx, &pb.VerifyBatchRequest{
		Tokens: tokens, Options: &pb.VerifyOptions{View: pb.View_VIEW_CLAIMS}})
	return answer.GetVerdicts(), err
}
