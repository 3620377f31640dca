package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	pb "github.com/jwtd/jwtd/gen/go/jwtd/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// waitForReady calls before there is a daemon: without waiting it fails at once, with
// waiting it is answered when the daemon has come.
func waitForReady(ctx context.Context, s *scene) (string, error) {
	late, err := newDaemon(filepath.Join(s.folder, "late"), s.issuers)
	if err != nil {
		return "", err
	}
	defer late.kill()
	conn, err := dial(late.target(s.transport))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	verifier := pb.NewVerifierServiceClient(conn)
	token, err := s.token("ES256", nil)
	if err != nil {
		return "", err
	}
	request := &pb.VerifyRequest{Token: token}
	_, err = verifier.Verify(ctx, request)
	if err := expectCode("a call that does not wait", err, codes.Unavailable); err != nil {
		return "", err
	}

	type result struct {
		answer *pb.VerifyResponse
		err    error
	}
	answered := make(chan result, 1)
	begin := time.Now()
	go func() {
		answer, err := verifier.Verify(ctx, request, grpc.WaitForReady(true))
		answered <- result{answer, err}
	}()
	select {
	case one := <-answered:
		return "", fmt.Errorf("answered before there was a daemon: %v", one.err)
	case <-time.After(500 * time.Millisecond):
	}
	if err := late.start(ctx); err != nil {
		return "", err
	}
	one := <-answered
	waited := fmt.Sprintf("waited %.2f s", time.Since(begin).Seconds())
	return waited, errors.Join(one.err, expect("the call", one.answer.GetVerdict(), pb.Reason_REASON_OK), late.stop())
}
