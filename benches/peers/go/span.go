package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// job judges tokens until one is refused, and counts them. The end of the program ends it.
type job func(judged *atomic.Int64) error

// result is the line that the orchestrator reads.
type result struct {
	Library    string  `json:"library"`
	Version    string  `json:"version"`
	Way        string  `json:"way"`
	Runtime    string  `json:"runtime"`
	Tokens     int64   `json:"tokens"`
	CPUSeconds float64 `json:"cpu_seconds"`
	Seconds    float64 `json:"seconds"`
}

// moment is what had been spent and done at one time.
type moment struct {
	at     time.Time
	cpu    time.Duration
	tokens int64
}

// measure runs jobs at once, warms up, says `begin`, and prints what was done and spent in
// the seconds after that. The jobs themselves never look at a clock.
func measure(library, version, way string, seconds float64, jobs ...job) error {
	var judged atomic.Int64
	failed := make(chan error, len(jobs))
	for _, job := range jobs {
		go func() { failed <- job(&judged) }()
	}
	pass := func(seconds float64) error {
		select {
		case err := <-failed:
			return err
		case <-time.After(time.Duration(seconds * float64(time.Second))):
			return nil
		}
	}
	if err := pass(max(seconds/5, 0.5)); err != nil {
		return err
	}
	fmt.Println("begin")
	first, err := now(&judged)
	if err != nil {
		return err
	}
	if err := pass(seconds); err != nil {
		return err
	}
	last, err := now(&judged)
	if err != nil {
		return err
	}
	if last.tokens == first.tokens {
		return errors.New("no token was judged in this time")
	}
	return json.NewEncoder(os.Stdout).Encode(result{library, version, way, language(),
		last.tokens - first.tokens, (last.cpu - first.cpu).Seconds(), last.at.Sub(first.at).Seconds()})
}

// now looks at the clock, at the CPU of all threads and at the count.
func now(judged *atomic.Int64) (moment, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return moment{}, err
	}
	cpu := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	return moment{time.Now(), cpu, judged.Load()}, nil
}
