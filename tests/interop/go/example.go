package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// exTempfail is EX_TEMPFAIL of sysexits.h.
const exTempfail = 75

// ended is how the example ended.
type ended struct {
	code           int
	stdout, stderr string
}

// judge runs the built example of examples/clients/go.
func judge(ctx context.Context, s *scene, address string, tokens ...string) (ended, error) {
	command := exec.CommandContext(ctx, s.example)
	command.Env = append(os.Environ(), "JWTD_ADDRESS="+address)
	command.Stdin = strings.NewReader(strings.Join(tokens, "\n") + "\n")
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		err = nil
	}
	return ended{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}, err
}

func exampleJudges(ctx context.Context, s *scene) (string, error) {
	// The claim is `sub`; readers that do not mind case would take the other one.
	good, err := s.token("RS256", map[string]any{"SUB": "mallory", "suB": "mallory"})
	if err != nil {
		return "", err
	}
	expired, err := s.token("RS256", map[string]any{"exp": time.Now().Add(-time.Hour).Unix()})
	if err != nil {
		return "", err
	}
	found, err := judge(ctx, s, s.daemon.target(s.transport), good, expired, "garbage")
	if err != nil {
		return "", err
	}
	wanted := ended{0, "permit " + subject + "\nrefuse EXPIRED\nrefuse TOKEN_NOT_COMPACT\n", ""}
	if found != wanted {
		return "", fmt.Errorf("%+v instead of %+v", found, wanted)
	}
	return "", nil
}

// exampleAlone asks where no daemon is. The example waits for one until its deadline:
// without waiting it would fail at once, with UNAVAILABLE.
func exampleAlone(ctx context.Context, s *scene) (string, error) {
	nowhere := "unix://" + filepath.Join(s.folder, "nobody.sock")
	if s.transport == "tcp" {
		ports, err := freePorts(1)
		if err != nil {
			return "", err
		}
		nowhere = fmt.Sprintf("127.0.0.1:%d", ports[0])
	}
	found, err := judge(ctx, s, nowhere, "garbage")
	if err != nil {
		return "", err
	}
	wanted := ended{exTempfail, "", "jwtd is unavailable: DEADLINE_EXCEEDED\n"}
	if found != wanted {
		return "", fmt.Errorf("%+v instead of %+v", found, wanted)
	}
	return "", nil
}
