package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
	"time"
)

const (
	audience = "orders-api"
	subject  = "alice"
)

// token signs for the issuer of a source. Claims that are given replace the usual ones.
func (i issuer) token(alg, iss string, changed map[string]any) (string, error) {
	now := time.Now().Unix()
	claims := map[string]any{"iss": iss, "aud": audience, "sub": subject, "iat": now, "exp": now + 3600}
	maps.Copy(claims, changed)
	return i.library.sign(i.keys[alg], claims)
}

// change is a token with one byte of one part changed, within what that part encodes, so
// that nothing but the signature can tell.
type change struct{ what, token string }

// changes makes them of a good token: of its signature the first, a middle and the last
// byte, of its payload one byte of the subject, of its header one of the type.
func changes(token string) ([]change, error) {
	parts := strings.Split(token, ".")
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, err
	}
	var all []change
	for _, at := range []int{0, len(signature) / 2, len(signature) - 1} {
		changed := bytes.Clone(signature)
		changed[at] ^= 1
		all = append(all, change{
			fmt.Sprintf("signature byte %d", at),
			strings.Join([]string{parts[0], parts[1], base64.RawURLEncoding.EncodeToString(changed)}, "."),
		})
	}
	for part, words := range [][2]string{{`"typ":"JWT"`, `"typ":"JWU"`}, {`"sub":"alice"`, `"sub":"alicf"`}} {
		decoded, err := base64.RawURLEncoding.DecodeString(parts[part])
		if err != nil {
			return nil, err
		}
		changed := bytes.Replace(decoded, []byte(words[0]), []byte(words[1]), 1)
		if bytes.Equal(changed, decoded) {
			return nil, fmt.Errorf("%s is not in %s", words[0], decoded)
		}
		spelled := [...]string{parts[0], parts[1], parts[2]}
		spelled[part] = base64.RawURLEncoding.EncodeToString(changed)
		all = append(all, change{words[1], strings.Join(spelled[:], ".")})
	}
	return all, nil
}

// payload is the payload of a token, byte for byte.
func payload(token string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
}
