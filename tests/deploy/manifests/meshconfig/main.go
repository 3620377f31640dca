// Reads a mesh configuration, as JSON on standard input, by Istio's own type, as strictly as it can.
package main

import (
	"io"
	"log"
	"os"

	"google.golang.org/protobuf/encoding/protojson"
	mesh "istio.io/api/mesh/v1alpha1"
)

func main() {
	log.SetFlags(0)
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	if err := protojson.Unmarshal(text, &mesh.MeshConfig{}); err != nil {
		log.Fatal(err)
	}
}
