// Command peer measures what verified tokens cost a Go program: by golang-jwt in its own
// process, or by calls of jwtd with grpc-go.
//
// Usage: peer ways | peer verify FLAGS | peer call FLAGS
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

func main() {
	log.SetFlags(0)
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(arguments []string) error {
	if len(arguments) == 0 {
		return errors.New("usage: peer ways | peer verify FLAGS | peer call FLAGS")
	}
	flags := flag.NewFlagSet("peer "+arguments[0], flag.ExitOnError)
	file := flags.String("tokens", "", "the file of tokens, one a line")
	way := flags.String("way", "", "how it is done")
	seconds := flags.Float64("seconds", 2, "how long to measure")
	switch arguments[0] {
	case "ways":
		return printWays()
	case "verify":
		expected := expectation{}
		jwk := flags.String("jwk", "", "the file of the key")
		flags.StringVar(&expected.algorithm, "algorithm", "", "the only algorithm to accept")
		flags.StringVar(&expected.issuer, "issuer", "", "the iss to accept")
		flags.StringVar(&expected.audience, "audience", "", "the aud to accept")
		flags.Parse(arguments[1:]) // it exits where it fails
		return verify(*file, *jwk, *way, expected, *seconds)
	case "call":
		target := flags.String("target", "", "the daemon, such as unix:/run/jwtd/jwtd.sock")
		flags.Parse(arguments[1:])
		return call(*file, *target, *way, *seconds)
	}
	return fmt.Errorf("there is no command %q", arguments[0])
}

func readTokens(file string) ([]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	tokens := strings.Fields(string(text))
	if len(tokens) == 0 {
		return nil, fmt.Errorf("%s holds no tokens", file)
	}
	return tokens, nil
}

// version of a module, as it was built into this program.
func version(module string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range info.Deps {
			if dependency.Path == module {
				return strings.TrimPrefix(dependency.Version, "v")
			}
		}
	}
	return "unknown"
}

func language() string { return "Go " + strings.TrimPrefix(runtime.Version(), "go") }
