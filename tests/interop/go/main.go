// Command interop runs grpc-go, golang-jwt and go-jose against the daemon and records the
// results.
//
// Usage: interop RESULTS FOLDER EXAMPLE: the file that rows are added to, a folder with
// a short path, and the built program of examples/clients/go. JWTD_BIN is the daemon.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: interop RESULTS FOLDER EXAMPLE")
	}
	// An interrupted run must not leave daemons behind: every check ends with this
	// context, and then its daemon is stopped.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, results{os.Args[1]}, os.Args[2], os.Args[3]); err != nil {
		stop()
		log.Fatal(err)
	}
}

func run(ctx context.Context, results results, folder, example string) error {
	issuers, err := makeIssuers()
	if err != nil {
		return err
	}
	for _, transport := range []string{"tcp", "unix"} {
		if err := meet(ctx, results, issuers, transport, filepath.Join(folder, transport), example); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// meet runs all checks over one transport, with a separate daemon.
func meet(ctx context.Context, results results, issuers []issuer, transport, folder, example string) error {
	daemon, err := newDaemon(folder, issuers)
	if err != nil {
		return err
	}
	defer daemon.kill()
	if err := daemon.start(ctx); err != nil {
		return err
	}
	client, err := connect(daemon, transport, issuers)
	if err != nil {
		return err
	}
	defer client.conn.Close()
	client.folder, client.example = folder, example
	for _, check := range clientChecks {
		results.run(ctx, "grpc-go", version("google.golang.org/grpc"), transport, check, client)
	}
	if transport == "tcp" { // signatures are the same over every transport
		for _, issuer := range issuers {
			for _, check := range signingChecks(issuer) {
				results.run(ctx, issuer.library.name(), issuer.library.version(), transport, check, client)
			}
		}
	}
	results.run(ctx, "grpc-go", version("google.golang.org/grpc"), transport,
		check{"SIGTERM ends it", func(context.Context, *scene) (string, error) { return "", daemon.stop() }}, client)
	return nil
}
