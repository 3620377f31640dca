// Runs each case with go-jose: decrypts the token of jwtd, and encrypts one of its own.
//
// Usage: go run . CASES ANSWERS
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/go-jose/go-jose/v4"
)

type testCase struct {
	Name       string          `json:"name"`
	Alg        string          `json:"alg"`
	Enc        string          `json:"enc"`
	PrivateKey json.RawMessage `json:"private_key"`
	PublicKey  json.RawMessage `json:"public_key"`
	Sealed     string          `json:"sealed"`
	Text       string          `json:"text"`
}

type answer struct {
	Name   string  `json:"name"`
	Opened *bool   `json:"opened"`
	Sealed *string `json:"sealed"`
	Note   string  `json:"note"`
}

func open(one testCase, alg jose.KeyAlgorithm, enc jose.ContentEncryption) (bool, error) {
	var key jose.JSONWebKey
	if err := json.Unmarshal(one.PrivateKey, &key); err != nil {
		return false, err
	}
	token, err := jose.ParseEncryptedCompact(one.Sealed, []jose.KeyAlgorithm{alg}, []jose.ContentEncryption{enc})
	if err != nil {
		return false, err
	}
	text, err := token.Decrypt(key.Key)
	return string(text) == one.Text, err
}

func seal(one testCase, alg jose.KeyAlgorithm, enc jose.ContentEncryption) (string, error) {
	var key jose.JSONWebKey
	if err := json.Unmarshal(one.PublicKey, &key); err != nil {
		return "", err
	}
	to := jose.Recipient{Algorithm: alg, Key: key.Key, KeyID: key.KeyID}
	options := (&jose.EncrypterOptions{}).WithContentType("JWT")
	encrypter, err := jose.NewEncrypter(enc, to, options)
	if err != nil {
		return "", err
	}
	token, err := encrypter.Encrypt([]byte(one.Text))
	if err != nil {
		return "", err
	}
	return token.CompactSerialize()
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var cases []testCase
	if err := json.Unmarshal(text, &cases); err != nil {
		log.Fatal(err)
	}
	answers := make([]answer, 0, len(cases))
	for _, one := range cases {
		alg, enc := jose.KeyAlgorithm(one.Alg), jose.ContentEncryption(one.Enc)
		found := answer{Name: one.Name}
		if opened, err := open(one, alg, enc); err == nil {
			found.Opened = &opened
		} else {
			found.Note = fmt.Sprint(err)
		}
		if sealed, err := seal(one, alg, enc); err == nil {
			found.Sealed = &sealed
		} else {
			found.Note = fmt.Sprint(err)
		}
		answers = append(answers, found)
	}
	text, err = json.Marshal(answers)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[2], text, 0o600); err != nil {
		log.Fatal(err)
	}
}
