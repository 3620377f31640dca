package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	pb "github.com/jwtd/jwtd/gen/go/jwtd/v1"
	"google.golang.org/grpc/codes"
)

// dearTokens is how many tokens a message may hold.
const dearTokens = 1000

// dear builds the most expensive message: as many tokens as it may hold, with the slowest
// algorithm, all different, none of them valid.
func dear(s *scene) ([]string, error) {
	token, err := s.token("ES512", nil)
	if err != nil {
		return nil, err
	}
	input := token[:strings.LastIndex(token, ".")+1]
	var all []string
	for range dearTokens {
		signature := make([]byte, 132)
		if _, err := rand.Read(signature); err != nil {
			return nil, err
		}
		// Both halves below the order of the group: a larger one is refused unchecked.
		signature[0], signature[66] = 0, 0
		all = append(all, input+base64.RawURLEncoding.EncodeToString(signature))
	}
	return all, nil
}

// deadline lets one pass before the call leaves the client, and one while the daemon
// works, which must then give up the rest.
func deadline(ctx context.Context, s *scene) (string, error) {
	const checks = `jwtd_signature_checks_total{algorithm="ES512",result="bad"}`
	var notes []string
	for _, patience := range []time.Duration{time.Microsecond, 10 * time.Millisecond} {
		tokens, err := dear(s)
		if err != nil {
			return "", err
		}
		before, err := s.daemon.metric(ctx, checks)
		if err != nil {
			return "", err
		}
		hurried, cancel := context.WithTimeout(ctx, patience)
		_, err = s.verifier.VerifyBatch(hurried, &pb.VerifyBatchRequest{Tokens: tokens})
		cancel()
		if err := expectCode(patience.String(), err, codes.DeadlineExceeded); err != nil {
			return "", err
		}
		if err := idle(ctx, s); err != nil {
			return "", err
		}
		after, err := s.daemon.metric(ctx, checks)
		if err != nil {
			return "", err
		}
		if after-before >= dearTokens {
			return "", errors.New("all tokens were checked for nobody")
		}
		notes = append(notes, fmt.Sprintf("%s: %v of %d tokens checked", patience, after-before, dearTokens))
	}
	return strings.Join(notes, "; "), s.serving(ctx)
}

// cancellation cancels calls while the daemon works on them.
func cancellation(ctx context.Context, s *scene) (string, error) {
	tokens, err := dear(s)
	if err != nil {
		return "", err
	}
	unary := func(ctx context.Context) error {
		_, err := s.verifier.VerifyBatch(ctx, &pb.VerifyBatchRequest{Tokens: tokens})
		return err
	}
	stream := func(ctx context.Context) error {
		call, err := s.verifier.VerifyStream(ctx)
		if err != nil {
			return err
		}
		for id := range uint64(4) {
			if call.Send(&pb.VerifyStreamRequest{Id: id, Tokens: tokens}) != nil {
				break // Recv says why
			}
		}
		// It stays open: only the cancellation ends it.
		for err == nil {
			_, err = call.Recv()
		}
		return err
	}
	for what, call := range map[string]func(context.Context) error{"unary": unary, "stream": stream} {
		cancelled, cancel := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- call(cancelled) }()
		err := inFlight(ctx, s, func(tokens float64) bool { return tokens > 0 })
		cancel()
		if ended := <-ended; err == nil {
			err = expectCode(what, ended, codes.Canceled)
		}
		if err == nil {
			err = idle(ctx, s)
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", what, err)
		}
	}
	return "cancelled while in flight", s.serving(ctx)
}

// idle waits until all permits of calls are returned, which must be soon.
func idle(ctx context.Context, s *scene) error {
	return inFlight(ctx, s, func(tokens float64) bool { return tokens == 0 })
}

// inFlight waits until the number of tokens that are worked on is as wanted.
func inFlight(ctx context.Context, s *scene, wanted func(float64) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		tokens, err := s.daemon.metric(ctx, "jwtd_in_flight_tokens")
		if err != nil {
			return fmt.Errorf("jwtd_in_flight_tokens is not as wanted: %w", err)
		}
		if wanted(tokens) {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
}
