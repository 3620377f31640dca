package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	pb "github.com/jwtd/jwtd/gen/go/jwtd/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	unaryCalls  = 16  // in flight at once
	batchCalls  = 4   // in flight at once
	batchTokens = 256 // in one call
	window      = 256 // messages of a stream that are not answered yet
	patience    = 2 * time.Second
)

// options ask for what a library in process gives, too: the claims.
var options = &pb.VerifyOptions{View: pb.View_VIEW_CLAIMS}

// call has the daemon judge the tokens, over one connection with grpc-go's default options.
func call(file, target, way string, seconds float64) error {
	tokens, err := readTokens(file)
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	verifier := pb.NewVerifierServiceClient(conn)
	var jobs []job
	switch way {
	case "unary":
		for first := range unaryCalls {
			jobs = append(jobs, unary(verifier, tokens, first))
		}
	case "batch":
		for first := range batchCalls {
			jobs = append(jobs, batch(verifier, tokens, first))
		}
	case "stream":
		jobs = streamed(verifier, tokens)
	default:
		return fmt.Errorf("grpc-go has no way %q", way)
	}
	return measure("grpc-go", version("google.golang.org/grpc"), way, seconds, jobs...)
}

// unary asks about one token after the other; its neighbours ask about those between.
func unary(verifier pb.VerifierServiceClient, tokens []string, first int) job {
	ask := func(at int) error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		answer, err := verifier.Verify(ctx, &pb.VerifyRequest{Token: tokens[at], Options: options})
		if err != nil {
			return err
		}
		return read(answer.Verdict, at)
	}
	return func(judged *atomic.Int64) error {
		for at := first; ; at += unaryCalls {
			if err := ask(at % len(tokens)); err != nil {
				return err
			}
			judged.Add(1)
		}
	}
}

func batch(verifier pb.VerifierServiceClient, tokens []string, first int) job {
	batches := slices.Collect(slices.Chunk(tokens, batchTokens))
	ask := func(at int) error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		answer, err := verifier.VerifyBatch(ctx, &pb.VerifyBatchRequest{Tokens: batches[at], Options: options})
		if err != nil {
			return err
		}
		return readAll(answer.Verdicts, len(batches[at]), at*batchTokens)
	}
	return func(judged *atomic.Int64) error {
		for at := first; ; at += batchCalls {
			if err := ask(at % len(batches)); err != nil {
				return err
			}
			judged.Add(int64(len(batches[at%len(batches)])))
		}
	}
}

// readAll reads the verdicts of tokens that follow each other in the file.
func readAll(verdicts []*pb.Verdict, wanted, first int) error {
	if len(verdicts) != wanted {
		return fmt.Errorf("%d verdicts of %d tokens", len(verdicts), wanted)
	}
	for i, verdict := range verdicts {
		if err := read(verdict, first+i); err != nil {
			return err
		}
	}
	return nil
}

// read takes from a verdict what a service needs: the permit, and the claims as Go has them.
func read(verdict *pb.Verdict, at int) error {
	if !verdict.GetPermit() {
		return fmt.Errorf("token %d is refused: %s", at+1, verdict.GetReason())
	}
	var claims map[string]any
	if err := json.Unmarshal(verdict.ClaimsJson, &claims); err != nil {
		return fmt.Errorf("the claims of token %d: %w", at+1, err)
	}
	return nil
}
