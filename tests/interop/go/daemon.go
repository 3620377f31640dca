package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

// daemon is a `jwtd serve` in a folder of its own.
type daemon struct {
	folder      string
	port, admin int
	command     *exec.Cmd
	ended       chan error
}

// newDaemon writes the configuration of a daemon that does not run yet.
func newDaemon(folder string, issuers []issuer) (*daemon, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	d := &daemon{folder: folder, port: ports[0], admin: ports[1]}
	return d, writeConfig(d, issuers)
}

// freePorts finds ports that nobody uses now; all are held until the last is found.
func freePorts(count int) ([]int, error) {
	var ports []int
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// target is the gRPC target of the daemon.
func (d *daemon) target(transport string) string {
	if transport == "unix" {
		return "unix://" + filepath.Join(d.folder, "jwtd.sock")
	}
	return fmt.Sprintf("127.0.0.1:%d", d.port)
}

// start returns when the daemon is ready.
func (d *daemon) start(ctx context.Context) error {
	log, err := os.Create(filepath.Join(d.folder, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	d.command = exec.Command(os.Getenv("JWTD_BIN"), "serve", "--config", filepath.Join(d.folder, "jwtd.yaml"))
	d.command.Stdout, d.command.Stderr = log, log
	if err := d.command.Start(); err != nil {
		return err
	}
	d.ended = make(chan error, 1)
	go func() { d.ended <- d.command.Wait() }()
	return d.waitUntilReady(ctx)
}

func (d *daemon) waitUntilReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for {
		if _, err := d.get(ctx, "/readyz"); err == nil {
			return nil
		}
		select {
		case err := <-d.ended:
			d.ended <- err // for whoever stops it
			return fmt.Errorf("the daemon ended (%v): %s", err, d.log())
		case <-ctx.Done():
			return fmt.Errorf("the daemon is not ready (%w): %s", ctx.Err(), d.log())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop sends SIGTERM; the daemon must exit by itself and without an error.
func (d *daemon) stop() error {
	if err := d.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-d.ended:
		d.ended <- err
		if err != nil {
			return fmt.Errorf("%w after SIGTERM: %s", err, d.log())
		}
		return nil
	case <-time.After(15 * time.Second):
		return errors.New("still running 15 s after SIGTERM: " + d.log())
	}
}

// kill removes everything, whatever happened. It does nothing to a daemon that has exited.
func (d *daemon) kill() {
	if d.ended == nil {
		return
	}
	// An error says that it ended already.
	_ = d.command.Process.Kill()
	<-d.ended
}

func (d *daemon) log() string {
	text, _ := os.ReadFile(filepath.Join(d.folder, "log"))
	return string(text[max(0, len(text)-2000):])
}

// get asks the admin port; an answer other than 200 is an error.
func (d *daemon) get(ctx context.Context, path string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("http://127.0.0.1:%d%s", d.admin, path), nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = errors.New(answer.Status)
	}
	return string(body), err
}

// metric is one series as `/metrics` shows it, labels and all.
func (d *daemon) metric(ctx context.Context, series string) (float64, error) {
	text, err := d.get(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("no metric %s", series)
	}
	return strconv.ParseFloat(found[1], 64)
}
