// Reads a plan in Terraform's format with HashiCorp's own module and prints, sorted, what it understood:
// one line per resource change with its actions.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"

	tfjson "github.com/hashicorp/terraform-json"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	bytes, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	if len(os.Args) > 1 && os.Args[1] == "state" {
		var state tfjson.State
		if err := json.Unmarshal(bytes, &state); err != nil {
			return err
		}
		if err := state.Validate(); err != nil {
			return err
		}
		for _, resource := range state.Values.RootModule.Resources {
			fmt.Println(resource.Address)
		}
		return nil
	}
	var plan tfjson.Plan
	if err := json.Unmarshal(bytes, &plan); err != nil {
		return err
	}
	if err := plan.Validate(); err != nil {
		return err
	}
	var lines []string
	for _, change := range plan.ResourceChanges {
		lines = append(lines, fmt.Sprintf("%s %v create=%v replace=%v", change.Address, change.Change.Actions,
			change.Change.Actions.Create(), change.Change.Actions.Replace()))
	}
	for name, change := range plan.OutputChanges {
		lines = append(lines, fmt.Sprintf("output.%s %v", name, change.Actions))
	}
	sort.Strings(lines)
	for _, line := range lines {
		fmt.Println(line)
	}
	return nil
}
