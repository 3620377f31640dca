package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	pb "github.com/jwtd/jwtd/gen/go/jwtd/v1"
)

// clientChecks are those of the README's table, in its order.
var clientChecks = []check{
	{"unary", unary},
	{"batch", batch},
	{"stream", stream},
	{"deadline", deadline},
	{"cancellation", cancellation},
	{"wait-for-ready", waitForReady},
	{"health", healthService},
	{"health, checked by the client's balancer", healthOfBalancer},
	{"reflection v1", reflectionV1},
	{"reflection v1alpha", reflectionV1Alpha},
	{"example", exampleJudges},
	{"example, no daemon", exampleAlone},
}

// sample is a token and its expected verdict.
type sample struct {
	token  string
	reason pb.Reason
}

// samples are good and bad tokens in turn.
func samples(s *scene) ([]sample, error) {
	hourAgo := time.Now().Add(-time.Hour).Unix()
	var all []sample
	for _, one := range []struct {
		alg     string
		changed map[string]any
		reason  pb.Reason
	}{
		{"RS256", nil, pb.Reason_REASON_OK},
		{"RS256", map[string]any{"exp": hourAgo}, pb.Reason_REASON_EXPIRED},
		{"EdDSA", map[string]any{"name": "Zoë <zoe@example.com> & \u2028"}, pb.Reason_REASON_OK},
		{"ES384", map[string]any{"aud": "billing-api"}, pb.Reason_REASON_AUDIENCE_MISMATCH},
		{"PS512", map[string]any{"iss": "https://login.example.org"}, pb.Reason_REASON_ISSUER_UNKNOWN},
	} {
		token, err := s.token(one.alg, one.changed)
		if err != nil {
			return nil, err
		}
		all = append(all, sample{token, one.reason})
	}
	return append(all, sample{"garbage", pb.Reason_REASON_TOKEN_NOT_COMPACT}), nil
}

func tokens(samples []sample) []string {
	var all []string
	for _, one := range samples {
		all = append(all, one.token)
	}
	return all
}

// judged compares verdicts in VIEW_CLAIMS with the samples that were sent.
func judged(samples []sample, verdicts []*pb.Verdict) error {
	if len(verdicts) != len(samples) {
		return fmt.Errorf("%d verdicts of %d tokens", len(verdicts), len(samples))
	}
	for i, one := range samples {
		if err := expect(fmt.Sprintf("token %d", i), verdicts[i], one.reason); err != nil {
			return err
		}
		var claims []byte
		if one.reason == pb.Reason_REASON_OK {
			var err error
			if claims, err = payload(one.token); err != nil {
				return err
			}
		}
		if !bytes.Equal(verdicts[i].ClaimsJson, claims) {
			return fmt.Errorf("token %d: claims %q instead of %q", i, verdicts[i].ClaimsJson, claims)
		}
	}
	return nil
}

func unary(ctx context.Context, s *scene) (string, error) {
	samples, err := samples(s)
	if err != nil {
		return "", err
	}
	for _, one := range samples {
		verdict, err := s.verdict(ctx, one.token)
		if err != nil {
			return "", err
		}
		if err := expect("Verify", verdict, one.reason); err != nil {
			return "", err
		}
	}
	return "", nil
}

func batch(ctx context.Context, s *scene) (string, error) {
	samples, err := samples(s)
	if err != nil {
		return "", err
	}
	answer, err := s.verifier.VerifyBatch(ctx, &pb.VerifyBatchRequest{
		Tokens: tokens(samples), Options: &pb.VerifyOptions{View: pb.View_VIEW_CLAIMS}})
	if err != nil {
		return "", err
	}
	return "", judged(samples, answer.Verdicts)
}

// stream sends 20 messages before it reads an answer. Each message begins with another
// sample, so that verdicts of one cannot pass for those of its neighbour.
func stream(ctx context.Context, s *scene) (string, error) {
	const messages = 20
	samples, err := samples(s)
	if err != nil {
		return "", err
	}
	turned := func(id uint64) []sample {
		first := int(id) % len(samples)
		return append(append([]sample{}, samples[first:]...), samples[:first]...)
	}
	call, err := s.verifier.VerifyStream(ctx)
	if err != nil {
		return "", err
	}
	for id := range uint64(messages) {
		if err := call.Send(&pb.VerifyStreamRequest{Id: id, Tokens: tokens(turned(id)),
			Options: &pb.VerifyOptions{View: pb.View_VIEW_CLAIMS}}); err != nil {
			return "", err
		}
	}
	if err := call.CloseSend(); err != nil {
		return "", err
	}
	answered := map[uint64]bool{}
	for {
		answer, err := call.Recv()
		if errors.Is(err, io.EOF) { // the status is OK
			break
		}
		if err != nil {
			return "", err
		}
		if answered[answer.Id] || answer.Id >= messages {
			return "", fmt.Errorf("id %d is answered twice or was not sent", answer.Id)
		}
		answered[answer.Id] = true
		if err := judged(turned(answer.Id), answer.GetVerdicts().GetVerdicts()); err != nil {
			return "", fmt.Errorf("id %d: %w %v", answer.Id, err, answer.GetError())
		}
	}
	if len(answered) != messages {
		return "", fmt.Errorf("%d of %d messages are answered", len(answered), messages)
	}
	return "", nil
}
