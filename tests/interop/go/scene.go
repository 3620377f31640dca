package main

import (
	"cmp"
	"context"
	"fmt"

	pb "github.com/jwtd/jwtd/gen/go/jwtd/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// scene is a running daemon and a client of it over one transport.
type scene struct {
	daemon          *daemon
	transport       string
	issuers         []issuer
	conn            *grpc.ClientConn
	verifier        pb.VerifierServiceClient
	folder, example string
}

// dial opens a channel with grpc-go's default options: what people use.
func dial(target string) (*grpc.ClientConn, error) {
	return grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

func connect(daemon *daemon, transport string, issuers []issuer) (*scene, error) {
	conn, err := dial(daemon.target(transport))
	if err != nil {
		return nil, err
	}
	return &scene{daemon: daemon, transport: transport, issuers: issuers, conn: conn,
		verifier: pb.NewVerifierServiceClient(conn)}, nil
}

// token is one of the first issuer, by its JWK set. Claims that are given replace the
// usual ones.
func (s *scene) token(alg string, changed map[string]any) (string, error) {
	issuer := s.issuers[0]
	return issuer.token(alg, "https://login.example.com/"+issuer.library.name()+"-public.json", changed)
}

// verdict of one token.
func (s *scene) verdict(ctx context.Context, token string) (*pb.Verdict, error) {
	answer, err := s.verifier.Verify(ctx, &pb.VerifyRequest{Token: token})
	return answer.GetVerdict(), err
}

// serving fails unless a good token is permitted: the calls before must have done no harm.
func (s *scene) serving(ctx context.Context) error {
	token, err := s.token("ES256", nil)
	if err != nil {
		return err
	}
	verdict, err := s.verdict(ctx, token)
	return cmp.Or(err, expect("a good token", verdict, pb.Reason_REASON_OK))
}

// expect says how a verdict differs from a reason. Only REASON_OK permits.
func expect(what string, verdict *pb.Verdict, reason pb.Reason) error {
	if verdict.GetReason() != reason || verdict.GetPermit() != (reason == pb.Reason_REASON_OK) {
		return fmt.Errorf("%s: permit %t, %s instead of %s", what, verdict.GetPermit(), verdict.GetReason(), reason)
	}
	return nil
}

// expectCode says how a call ended otherwise than with a code.
func expectCode(what string, err error, code codes.Code) error {
	if status.Code(err) != code {
		return fmt.Errorf("%s: %s instead of %s: %v", what, status.Code(err), code, err)
	}
	return nil
}
