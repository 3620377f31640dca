package main

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/grpc"
	v1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	v1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// reflector is the part of a reflection stream that is the same in v1 and v1alpha.
type reflector interface {
	services() ([]string, error)
	filesWith(symbol string) ([][]byte, error)
}

func reflectionV1(ctx context.Context, s *scene) (string, error) {
	stream, err := v1.NewServerReflectionClient(s.conn).ServerReflectionInfo(ctx)
	if err != nil {
		return "", err
	}
	return reflected(reflectorV1{stream})
}

func reflectionV1Alpha(ctx context.Context, s *scene) (string, error) {
	// Deprecated in favour of v1, and what many tools still speak.
	stream, err := v1alpha.NewServerReflectionClient(s.conn).ServerReflectionInfo(ctx)
	if err != nil {
		return "", err
	}
	return reflected(reflectorV1Alpha{stream})
}

// reflected finds the service and the type of the field that tokens are sent in.
func reflected(reflector reflector) (string, error) {
	services, err := reflector.services()
	if err != nil {
		return "", err
	}
	if !slices.Contains(services, service) {
		return "", fmt.Errorf("%s is not among %v", service, services)
	}
	files, err := reflector.filesWith("jwtd.v1.VerifyRequest")
	if err != nil {
		return "", err
	}
	for _, encoded := range files {
		var file descriptorpb.FileDescriptorProto
		if err := proto.Unmarshal(encoded, &file); err != nil {
			return "", err
		}
		if kind, found := kindOfToken(&file); found {
			if kind != descriptorpb.FieldDescriptorProto_TYPE_STRING {
				return "", fmt.Errorf("jwtd.v1.VerifyRequest.token is %s", kind)
			}
			return fmt.Sprintf("%d services", len(services)), nil
		}
	}
	return "", fmt.Errorf("jwtd.v1.VerifyRequest.token is in none of %d files", len(files))
}

func kindOfToken(file *descriptorpb.FileDescriptorProto) (kind descriptorpb.FieldDescriptorProto_Type, found bool) {
	for _, message := range file.MessageType {
		for _, field := range message.Field {
			if file.GetPackage() == "jwtd.v1" && message.GetName() == "VerifyRequest" && field.GetName() == "token" {
				return field.GetType(), true
			}
		}
	}
	return 0, false
}

// ask sends one question and reads its answer.
func ask[Q, A any](stream grpc.BidiStreamingClient[Q, A], question *Q) (*A, error) {
	if err := stream.Send(question); err != nil {
		return nil, err
	}
	return stream.Recv()
}
