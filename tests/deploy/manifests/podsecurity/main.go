// Judges every pod of the manifests on standard input (a JSON list) by the evaluator that the API server
// itself has, at the level `restricted`, and prints what it would refuse.
//
// Usage: podsecurity VERSION...      such as v1.29 latest
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

type manifest struct {
	Kind     string            `json:"kind"`
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     json.RawMessage   `json:"spec"`
}

// podOf returns the pod that a manifest makes, or nothing.
func podOf(one manifest) (*corev1.PodTemplateSpec, error) {
	switch one.Kind {
	case "Pod":
		pod := &corev1.PodTemplateSpec{ObjectMeta: one.Metadata}
		return pod, json.Unmarshal(one.Spec, &pod.Spec)
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job":
		var spec struct{ Template *corev1.PodTemplateSpec }
		err := json.Unmarshal(one.Spec, &spec)
		return spec.Template, err
	case "CronJob":
		var spec struct {
			JobTemplate struct {
				Spec struct{ Template *corev1.PodTemplateSpec }
			}
		}
		err := json.Unmarshal(one.Spec, &spec)
		return spec.JobTemplate.Spec.Template, err
	}
	return nil, nil
}

func main() {
	log.SetFlags(0)
	var manifests []manifest
	if err := json.NewDecoder(os.Stdin).Decode(&manifests); err != nil {
		log.Fatal(err)
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		log.Fatal(err)
	}
	pods, refused := 0, 0
	for _, one := range manifests {
		pod, err := podOf(one)
		if err != nil {
			log.Fatalf("%s %s: %v", one.Kind, one.Metadata.Name, err)
		}
		if pod == nil {
			continue
		}
		pods++
		for _, word := range os.Args[1:] {
			version, err := api.ParseVersion(word)
			if err != nil {
				log.Fatal(err)
			}
			level := api.LevelVersion{Level: api.LevelRestricted, Version: version}
			result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
			if !result.Allowed {
				refused++
				fmt.Printf("%s %s, %s: %s\n", one.Kind, one.Metadata.Name, word, result.ForbiddenDetail())
			}
		}
	}
	fmt.Fprintf(os.Stderr, "%d pods\n", pods)
	if refused > 0 {
		os.Exit(1)
	}
}
