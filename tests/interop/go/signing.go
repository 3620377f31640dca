package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	pb "github.com/jwtd/jwtd/gen/go/jwtd/v1"
)

// signingChecks are those of one library: an algorithm each, then a form of keys each.
func signingChecks(issuer issuer) []check {
	var all []check
	for _, alg := range slices.Concat(publicAlgorithms, secretAlgorithms) {
		all = append(all, check{alg + ": signed, accepted; one byte changed, refused",
			func(ctx context.Context, scene *scene) (string, error) { return signed(ctx, scene, issuer, alg) }})
	}
	for _, form := range []struct{ keys, what, by string }{
		{"jwks_file", "JWK set", "go-jose"},
		{"pem_file", "PEM", "crypto/x509"},
		{"secret_file", "JWK set of secrets", "go-jose"},
	} {
		all = append(all, check{form.keys + ": " + form.what + " exported, loaded, verifies",
			func(ctx context.Context, scene *scene) (string, error) {
				count, err := exported(ctx, scene, issuer, form.keys)
				return fmt.Sprintf("%d keys, exported by %s", count, form.by), err
			}})
	}
	return all
}

// signed sends a token by one algorithm for every form that its key was exported in, and
// all changes of it. The refused ones come first: a signature once remembered as good
// must not be what refuses them.
func signed(ctx context.Context, scene *scene, issuer issuer, alg string) (string, error) {
	var forms []string
	refused := 0
	for _, source := range issuer.sources {
		if !slices.Contains(source.algorithms, alg) {
			continue
		}
		token, err := issuer.token(alg, source.iss, nil)
		if err != nil {
			return "", err
		}
		changes, err := changes(token)
		if err != nil {
			return "", err
		}
		for range 2 { // again when the good one is remembered
			for _, change := range changes {
				verdict, err := scene.verdict(ctx, change.token)
				if err != nil {
					return "", err
				}
				if err := expect(source.file+", "+change.what, verdict, pb.Reason_REASON_SIGNATURE_INVALID); err != nil {
					return "", err
				}
				refused++
			}
			verdict, err := scene.verdict(ctx, token)
			if err != nil {
				return "", err
			}
			if err := expect(source.file, verdict, pb.Reason_REASON_OK); err != nil {
				return "", err
			}
		}
		forms = append(forms, source.form())
	}
	return fmt.Sprintf("%s; %d changed ones refused", strings.Join(forms, ", "), refused), nil
}

// exported has a token by every key of one form permitted, and counts the keys.
func exported(ctx context.Context, scene *scene, issuer issuer, form string) (int, error) {
	count := 0
	for _, source := range issuer.sources {
		if source.form() != form {
			continue
		}
		series := fmt.Sprintf("jwtd_jwks_keys{issuer=%q}", source.name())
		keys, err := scene.daemon.metric(ctx, series)
		if err != nil {
			return count, err
		}
		if int(keys) != len(source.algorithms) {
			return count, fmt.Errorf("%s is %v, and %d were exported", series, keys, len(source.algorithms))
		}
		for _, alg := range source.algorithms {
			token, err := issuer.token(alg, source.iss, nil)
			if err != nil {
				return count, err
			}
			verdict, err := scene.verdict(ctx, token)
			if err != nil {
				return count, err
			}
			if err := expect(source.file+", "+alg, verdict, pb.Reason_REASON_OK); err != nil {
				return count, err
			}
			count++
		}
	}
	return count, nil
}
