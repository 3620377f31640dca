// Says whether a file is a dashboard by the schema of Grafana, as its own SDK has it:
// no field that is unknown, none missing, none of another type.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	if err := check(os.Args[1]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func check(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	// The options of each kind of panel, and queries for Prometheus.
	plugins.RegisterDefaultPlugins()
	var read dashboard.Dashboard
	if err := faults(read.UnmarshalJSONStrict(raw)); err != nil {
		return err
	}
	return faults(read.Validate())
}

// The SDK returns an empty list where there is nothing to say.
func faults(err error) error {
	var list cog.BuildErrors
	if errors.As(err, &list) && len(list) == 0 {
		return nil
	}
	return err
}
