// Command verify verifies the tokens on standard input, one per line, with jwtd.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	verdicts, err := ask(ctx, cmp.Or(os.Getenv("JWTD_ADDRESS"), "127.0.0.1:7519"), strings.Fields(string(input)))
	if err != nil {
		fmt.Fprintln(os.Stderr, "jwtd is unavailable:", code.Code(status.Code(err)))
		os.Exit(75) // EX_TEMPFAIL: a failure of the service, not of the token
	}
	for _, verdict := range verdicts {
		var claims structpb.Struct // encoding/json would read the claim SUB into a field for sub
		if verdict.Permit && claims.UnmarshalJSON(verdict.ClaimsJson) == nil {
			fmt.Println("permit", claims.Fields["sub"].GetStringValue())
		} else { // a newer daemon may have reasons that these stubs cannot name
			fmt.Println("refuse", strings.TrimPrefix(verdict.Reason.String(), "REASON_"))
		}
	}
}
