// Command stubs compiles the contract and has the two Go plugins write its stubs, as
// protoc would. It saves a machine that has Go the protobuf compiler.
//
// Usage: stubs PROTO PLUGINS OUT: the folder of the contract, that of protoc-gen-go and
// protoc-gen-go-grpc, and that of the module github.com/jwtd/jwtd/gen/go.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

const contract = "jwtd/v1/verifier.proto"

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: stubs PROTO PLUGINS OUT")
	}
	request, err := compile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for _, plugin := range []string{"protoc-gen-go", "protoc-gen-go-grpc"} {
		if err := generate(filepath.Join(os.Args[2], plugin), request, os.Args[3]); err != nil {
			log.Fatalf("%s: %v", plugin, err)
		}
	}
}

// compile makes what protoc sends to a plugin.
func compile(folder string) (*pluginpb.CodeGeneratorRequest, error) {
	paths := []string{folder, filepath.Join(folder, "third_party")}
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: paths}),
		// The comments of the contract become those of the stubs.
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := compiler.Compile(context.Background(), contract)
	if err != nil {
		return nil, err
	}
	return &pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{contract},
		Parameter:      proto.String("module=github.com/jwtd/jwtd/gen/go"),
		ProtoFile:      imported(files[0], map[string]bool{}),
	}, nil
}

// imported lists a file after all that it imports, as plugins want it.
func imported(file protoreflect.FileDescriptor, seen map[string]bool) []*descriptorpb.FileDescriptorProto {
	if seen[file.Path()] {
		return nil
	}
	seen[file.Path()] = true
	var all []*descriptorpb.FileDescriptorProto
	for i := range file.Imports().Len() {
		all = append(all, imported(file.Imports().Get(i).FileDescriptor, seen)...)
	}
	return append(all, protodesc.ToFileDescriptorProto(file))
}

func generate(plugin string, request *pluginpb.CodeGeneratorRequest, out string) error {
	input, err := proto.Marshal(request)
	if err != nil {
		return err
	}
	command := exec.Command(plugin)
	command.Stdin, command.Stderr = bytes.NewReader(input), os.Stderr
	output, err := command.Output()
	if err != nil {
		return err
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(output, &response); err != nil {
		return err
	}
	if response.Error != nil {
		return errors.New(response.GetError())
	}
	for _, file := range response.File {
		path := filepath.Join(out, file.GetName())
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(file.GetContent()), 0o644); err != nil {
			return err
		}
		fmt.Println("made", file.GetName())
	}
	return nil
}
