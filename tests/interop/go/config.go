package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// source is one way to give keys to the daemon, with its own issuer in the configuration.
type source struct {
	iss        string
	algorithms []string
	// file is where the keys lie, and keys the members of the configuration that say so.
	file, keys string
	data       []byte
}

// name of the issuer in the configuration and in metrics.
func (s source) name() string { return strings.TrimSuffix(s.file, filepath.Ext(s.file)) }

// form is the member of the configuration that the key file stands in.
func (s source) form() string {
	form, _, _ := strings.Cut(s.keys, ":")
	return form
}

// writeConfig writes jwtd.yaml and the key files that it names.
func writeConfig(d *daemon, issuers []issuer) error {
	if err := os.MkdirAll(d.folder, 0o755); err != nil {
		return err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "listen:\n  - { unix: jwtd.sock, mode: \"0600\" }\n  - { tcp: \"127.0.0.1:%d\" }\n", d.port)
	fmt.Fprintf(&text, "admin: 127.0.0.1:%d\ndrain_timeout: 3s\nissuers:\n", d.admin)
	var names []string
	for _, issuer := range issuers {
		for _, source := range issuer.sources {
			fmt.Fprintf(&text, "  %s:\n    issuer: %s\n    audiences: [%s]\n    algorithms: [%s]\n    keys: { %s }\n",
				source.name(), source.iss, audience,
				strings.Join(source.algorithms, ", "), source.keys)
			names = append(names, source.name())
			if err := os.WriteFile(filepath.Join(d.folder, source.file), source.data, 0o600); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(&text, "profiles:\n  default: { issuers: [%s] }\n", strings.Join(names, ", "))
	return os.WriteFile(filepath.Join(d.folder, "jwtd.yaml"), []byte(text.String()), 0o600)
}
