package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

// longest is how long a check may take on a slow machine that has other work.
const longest = 60 * time.Second

// check does one thing and returns a note for its row.
type check struct {
	what string
	do   func(context.Context, *scene) (string, error)
}

// results is the file of rows: client, version, transport, what, result, note.
type results struct{ path string }

func (r results) run(ctx context.Context, client, version, transport string, check check, scene *scene) {
	limited, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	begin := time.Now()
	result := "passed"
	note, err := check.do(limited, scene)
	if ctx.Err() != nil {
		return // the tests were interrupted, which says nothing of the daemon
	}
	if err != nil {
		result, note = "FAILED", err.Error()
	} else if note == "" {
		note = fmt.Sprintf("%.2f s", time.Since(begin).Seconds())
	}
	row := strings.Join([]string{client, version, transport, check.what, result, oneLine(note)}, "\t") + "\n"
	if err := r.add(row); err != nil {
		// A row that is lost must not look like a check that was not there.
		panic(err)
	}
}

func (r results) add(row string) error {
	file, err := os.OpenFile(r.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString(row)
	return err
}

// oneLine keeps a note within its cell.
func oneLine(note string) string { return strings.Join(strings.Fields(note), " ") }

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
