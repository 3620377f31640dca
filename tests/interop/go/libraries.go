package main

import (
	"encoding/json"
	"maps"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// library signs tokens the way its users do.
type library interface {
	name() string
	version() string
	sign(key key, claims map[string]any) (string, error)
}

type golangJWT struct{}

func (golangJWT) name() string    { return "golang-jwt" }
func (golangJWT) version() string { return version("github.com/golang-jwt/jwt/v5") }

func (golangJWT) sign(key key, claims map[string]any) (string, error) {
	token := jwt.NewWithClaims(jwt.GetSigningMethod(key.alg), jwt.MapClaims(maps.Clone(claims)))
	token.Header["kid"] = key.kid
	return token.SignedString(key.private)
}

type goJose struct{}

func (goJose) name() string    { return "go-jose" }
func (goJose) version() string { return version("github.com/go-jose/go-jose/v4") }

func (goJose) sign(key key, claims map[string]any) (string, error) {
	options := (&jose.SignerOptions{}).WithType("JWT")
	signer, err := jose.NewSigner(jose.SigningKey{
		Algorithm: jose.SignatureAlgorithm(key.alg),
		Key:       jose.JSONWebKey{Key: key.private, KeyID: key.kid},
	}, options)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}
