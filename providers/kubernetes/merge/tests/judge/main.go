// Judges writes on Kubernetes objects with the API server's own field manager: one JSON request a line, one answer.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/managedfields/managedfieldstest"
	"k8s.io/kube-openapi/pkg/spec3"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

type request struct {
	Op         string
	APIVersion string
	Kind       string
	Manager    string
	Force      bool
	Object     map[string]interface{}
}

type answer struct {
	Object    interface{}          `json:"object,omitempty"`
	Conflicts []metav1.StatusCause `json:"conflicts,omitempty"`
	Error     string               `json:"error,omitempty"`
}

func main() {
	models := map[string]*spec.Schema{}
	for _, path := range os.Args[1:] {
		data, err := os.ReadFile(path)
		if err != nil {
			panic(err)
		}
		var doc spec3.OpenAPI
		if err := json.Unmarshal(data, &doc); err != nil {
			panic(err)
		}
		for name, model := range doc.Components.Schemas {
			models[name] = model
		}
	}
	converter, err := managedfields.NewTypeConverter(models, false)
	if err != nil {
		panic(err)
	}
	deduced := managedfields.NewDeducedTypeConverter()
	var manager managedfieldstest.TestFieldManager
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var r request
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			panic(err)
		}
		obj := &unstructured.Unstructured{}
		if r.Object != nil {
			raw, _ := json.Marshal(r.Object)
			if err := obj.UnmarshalJSON(raw); err != nil {
				panic(err)
			}
		}
		var err error
		switch r.Op {
		case "reset":
			gvk := schema.FromAPIVersionAndKind(r.APIVersion, r.Kind)
			if r.Kind == "Deduced" {
				manager = managedfieldstest.NewTestFieldManager(deduced, gvk)
			} else {
				manager = managedfieldstest.NewTestFieldManager(converter, gvk)
			}
		case "apply":
			err = manager.Apply(obj, r.Manager, r.Force)
		case "update":
			err = manager.Update(obj, r.Manager)
		default:
			err = fmt.Errorf("unknown op %q", r.Op)
		}
		a := answer{}
		var status *apierrors.StatusError
		if errors.As(err, &status) && status.ErrStatus.Reason == metav1.StatusReasonConflict {
			a.Conflicts = status.ErrStatus.Details.Causes
		} else if err != nil {
			a.Error = err.Error()
		}
		a.Object = manager.Live()
		if err := out.Encode(a); err != nil {
			panic(err)
		}
	}
}
