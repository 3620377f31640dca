// The stubs are generated into this module and not kept: see ../README.md.
module github.com/jwtd/jwtd/gen/go

go 1.25.0
