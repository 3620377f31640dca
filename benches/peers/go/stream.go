package main

import (
	"context"
	"fmt"
	"sync/atomic"

	pb "github.com/jwtd/jwtd/gen/go/jwtd/v1"
)

// streamed are the two halves of one stream: one sends tokens, each in a message of its
// own, as long as there is room in the window; the other reads the answers.
func streamed(verifier pb.VerifierServiceClient, tokens []string) []job {
	// An id is a place in the window. Whoever takes it out of `free` owns its `asked`.
	free := make(chan uint64, window)
	for id := range uint64(window) {
		free <- id
	}
	var asked [window]int
	opened := make(chan pb.VerifierService_VerifyStreamClient, 1)

	send := func(*atomic.Int64) error {
		stream, err := verifier.VerifyStream(context.Background())
		if err != nil {
			return err
		}
		opened <- stream
		for at := 0; ; at = (at + 1) % len(tokens) {
			id := <-free
			asked[id] = at
			message := &pb.VerifyStreamRequest{Id: id, Tokens: tokens[at : at+1], Options: options}
			if err := stream.Send(message); err != nil {
				return err
			}
		}
	}
	receive := func(judged *atomic.Int64) error {
		stream := <-opened
		for {
			answer, err := stream.Recv()
			if err != nil {
				return err
			}
			if answer.GetError() != nil {
				return fmt.Errorf("token %d: %s", asked[answer.Id]+1, answer.GetError().GetMessage())
			}
			if err := readAll(answer.GetVerdicts().GetVerdicts(), 1, asked[answer.Id]); err != nil {
				return err
			}
			free <- answer.Id
			judged.Add(1)
		}
	}
	return []job{send, receive}
}
