module strata.example/terraform-json

go 1.21

require github.com/hashicorp/terraform-json v0.24.0

require (
	github.com/apparentlymart/go-textseg/v15 v15.0.0 // indirect
	github.com/hashicorp/go-version v1.7.0 // indirect
	github.com/zclconf/go-cty v1.15.1 // indirect
	golang.org/x/text v0.11.0 // indirect
)
