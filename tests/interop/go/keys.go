package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

var (
	publicAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
	secretAlgorithms = []string{"HS256", "HS384", "HS512"}
)

// key can sign by one algorithm. Its private half is a []byte for HMAC.
type key struct {
	alg, kid string
	private  any
}

// makeKey makes a fresh key by Go's own crypto, which both libraries sign with.
func makeKey(alg string) (key, error) {
	var private any
	var err error
	switch alg {
	case "ES256":
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		private, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "EdDSA":
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case "RS384", "PS384":
		// Not all of one size, so that no length of a signature is taken for granted.
		private, err = rsa.GenerateKey(rand.Reader, 3072)
	case "HS256", "HS384", "HS512":
		secret := make([]byte, 64)
		_, err = rand.Read(secret)
		private = secret
	default:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	return key{alg: alg, kid: "key-" + strings.ToLower(alg), private: private}, err
}

// published is the part that the daemon may know: the public key, or the secret.
func (k key) published() any {
	if signer, ok := k.private.(crypto.Signer); ok {
		return signer.Public()
	}
	return k.private
}

// issuer is a library with its keys, and the formats in which it exports them.
type issuer struct {
	library library
	keys    map[string]key
	sources []source
}

// makeIssuers makes one issuer of each library.
func makeIssuers() ([]issuer, error) {
	var issuers []issuer
	for _, library := range []library{goJose{}, golangJWT{}} {
		issuer := issuer{library: library, keys: map[string]key{}}
		for _, alg := range slices.Concat(publicAlgorithms, secretAlgorithms) {
			key, err := makeKey(alg)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", alg, err)
			}
			issuer.keys[alg] = key
		}
		if err := issuer.export(); err != nil {
			return nil, err
		}
		issuers = append(issuers, issuer)
	}
	return issuers, nil
}

// export writes all keys in every form that the daemon reads.
func (i *issuer) export() error {
	for _, alg := range publicAlgorithms {
		der, err := x509.MarshalPKIXPublicKey(i.keys[alg].published())
		if err != nil {
			return err
		}
		data := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		file := fmt.Sprintf("%s-%s.pem", i.library.name(), strings.ToLower(alg))
		i.add(file, "pem_file: "+file+", key_id: "+i.keys[alg].kid, []string{alg}, data)
	}
	for _, set := range []struct {
		name, keys string
		algorithms []string
	}{
		{"public", "jwks_file: %s", publicAlgorithms},
		{"secret", "secret_file: %s, secret_format: jwks", secretAlgorithms},
	} {
		data, err := i.jwks(set.algorithms)
		if err != nil {
			return err
		}
		file := fmt.Sprintf("%s-%s.json", i.library.name(), set.name)
		i.add(file, fmt.Sprintf(set.keys, file), set.algorithms, data)
	}
	return nil
}

func (i *issuer) add(file, keys string, algorithms []string, data []byte) {
	i.sources = append(i.sources, source{"https://login.example.com/" + file, algorithms, file, keys, data})
}

// jwks is a JWK set by go-jose. golang-jwt has none of its own.
func (i *issuer) jwks(algorithms []string) ([]byte, error) {
	var set jose.JSONWebKeySet
	for _, alg := range algorithms {
		key := i.keys[alg]
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.published(), KeyID: key.kid, Algorithm: alg, Use: "sig"})
	}
	return json.Marshal(set)
}
