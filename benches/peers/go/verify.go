package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

const (
	library = "golang-jwt"
	noCache = "no cache" // golang-jwt has none to switch on
)

// expectation is what a token is held against.
type expectation struct{ algorithm, issuer, audience string }

func libraryVersion() string { return version("github.com/golang-jwt/jwt/v5") }

func printWays() error {
	return json.NewEncoder(os.Stdout).Encode(struct {
		Library    string   `json:"library"`
		Version    string   `json:"version"`
		Way        string   `json:"way"`
		Runtime    string   `json:"runtime"`
		Algorithms []string `json:"algorithms"`
	}{library, libraryVersion(), noCache, language(), []string{"RS256", "ES256", "HS256"}})
}

// verify has golang-jwt judge the tokens in turn, as a service does that has one key.
func verify(file, jwk, way string, expected expectation, seconds float64) error {
	if way != noCache {
		return fmt.Errorf("%s has no way %q", library, way)
	}
	tokens, err := readTokens(file)
	if err != nil {
		return err
	}
	key, err := readKey(jwk)
	if err != nil {
		return err
	}
	keyOf := func(*jwt.Token) (any, error) { return key, nil }
	parser := jwt.NewParser(jwt.WithValidMethods([]string{expected.algorithm}), jwt.WithIssuer(expected.issuer),
		jwt.WithAudience(expected.audience), jwt.WithExpirationRequired())
	return measure(library, libraryVersion(), way, seconds, func(judged *atomic.Int64) error {
		for {
			for at, token := range tokens {
				if _, err := parser.ParseWithClaims(token, jwt.MapClaims{}, keyOf); err != nil {
					return fmt.Errorf("token %d is refused: %w", at+1, err)
				}
				judged.Add(1)
			}
		}
	})
}

// readKey reads one JWK. golang-jwt wants keys of Go's own crypto and reads no JWK.
func readKey(file string) (any, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var jwk jose.JSONWebKey
	if err := json.Unmarshal(text, &jwk); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return jwk.Key, nil
}
