package main

import (
	"google.golang.org/grpc"
	v1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	v1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
)

type reflectorV1 struct {
	stream grpc.BidiStreamingClient[v1.ServerReflectionRequest, v1.ServerReflectionResponse]
}

func (r reflectorV1) services() ([]string, error) {
	answer, err := ask(r.stream, &v1.ServerReflectionRequest{
		MessageRequest: &v1.ServerReflectionRequest_ListServices{}})
	var names []string
	for _, one := range answer.GetListServicesResponse().GetService() {
		names = append(names, one.Name)
	}
	return names, err
}

func (r reflectorV1) filesWith(symbol string) ([][]byte, error) {
	answer, err := ask(r.stream, &v1.ServerReflectionRequest{
		MessageRequest: &v1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: symbol}})
	return answer.GetFileDescriptorResponse().GetFileDescriptorProto(), err
}

type reflectorV1Alpha struct {
	stream grpc.BidiStreamingClient[v1alpha.ServerReflectionRequest, v1alpha.ServerReflectionResponse]
}

func (r reflectorV1Alpha) services() ([]string, error) {
	answer, err := ask(r.stream, &v1alpha.ServerReflectionRequest{
		MessageRequest: &v1alpha.ServerReflectionRequest_ListServices{}})
	var names []string
	for _, one := range answer.GetListServicesResponse().GetService() {
		names = append(names, one.Name)
	}
	return names, err
}

func (r reflectorV1Alpha) filesWith(symbol string) ([][]byte, error) {
	answer, err := ask(r.stream, &v1alpha.ServerReflectionRequest{
		MessageRequest: &v1alpha.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: symbol}})
	return answer.GetFileDescriptorResponse().GetFileDescriptorProto(), err
}
