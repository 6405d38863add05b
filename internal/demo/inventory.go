package demo

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"strconv"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
)

// The inventory speaks gRPC: shop.Inventory/Reserve takes {product, quantity} and answers
// {left}.
const reserveMethod = "/shop.Inventory/Reserve"

type inventoryServer interface {
	reserve(context.Context, *structpb.Struct) (*structpb.Struct, error)
}

func runInventory(ctx context.Context, s *service) error {
	schema := []string{"CREATE TABLE stock (product INTEGER PRIMARY KEY, pieces INTEGER NOT NULL)"}
	for i := range productCount {
		schema = append(schema, fmt.Sprintf("INSERT INTO stock VALUES (%d, %d)", i+1, 60))
	}
	if err := s.openDB("inventory.db", schema...); err != nil {
		return err
	}
	l, err := net.Listen("tcp", address("inventory"))
	if err != nil {
		return err
	}
	srv := grpc.NewServer(grpc.StatsHandler(otelgrpc.NewServerHandler()))
	srv.RegisterService(&grpc.ServiceDesc{
		ServiceName: "shop.Inventory", HandlerType: (*inventoryServer)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Reserve", Handler: func(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			in := &structpb.Struct{}
			if err := decode(in); err != nil {
				return nil, err
			}
			return srv.(inventoryServer).reserve(ctx, in)
		}}},
	}, s)
	context.AfterFunc(ctx, srv.Stop)
	return srv.Serve(l)
}

// reserve takes pieces off the shelf; an empty shelf is filled for the next customer.
func (s *service) reserve(ctx context.Context, in *structpb.Struct) (*structpb.Struct, error) {
	id, want := int(in.Fields["product"].GetNumberValue()), int(in.Fields["quantity"].GetNumberValue())
	left := -1
	err := s.query(ctx, "SELECT stock", "SELECT pieces FROM stock WHERE product = ?", func(rows *sql.Rows) error { return rows.Scan(&left) }, id)
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	if left < want {
		err := fmt.Errorf("product %d: %d wanted, %d on the shelf", id, want, left)
		_ = fail(trace.SpanFromContext(ctx), "OutOfStock", err)
		if err := s.query(ctx, "UPDATE stock", "UPDATE stock SET pieces = pieces + 60 WHERE product = ?", nil, id); err != nil {
			return nil, status.Error(codes.Internal, err.Error())
		}
		return nil, status.Error(codes.FailedPrecondition, err.Error())
	}
	if err := s.query(ctx, "UPDATE stock", "UPDATE stock SET pieces = pieces - ? WHERE product = ?", nil, want, id); err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return structpb.NewStruct(map[string]any{"left": left - want})
}

// reserve on the caller's side.
func reserve(ctx context.Context, conn *grpc.ClientConn, product, quantity string) error {
	id, _ := strconv.Atoi(product)
	n, _ := strconv.Atoi(quantity)
	in, err := structpb.NewStruct(map[string]any{"product": id, "quantity": n})
	if err != nil {
		return err
	}
	err = conn.Invoke(ctx, reserveMethod, in, &structpb.Struct{})
	if status.Code(err) == codes.FailedPrecondition {
		return fmt.Errorf("%w: %s", errOutOfStock, status.Convert(err).Message())
	}
	return err
}
