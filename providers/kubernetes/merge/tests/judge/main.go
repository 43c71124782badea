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
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/spec3"
	"k8s.io/kube-openapi/pkg/validation/spec"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

type request struct {
	Op         string                 `json:"op"`
	APIVersion string                 `json:"apiVersion"`
	Kind       string                 `json:"kind"`
	Manager    string                 `json:"manager"`
	Force      bool                   `json:"force"`
	Object     map[string]interface{} `json:"object"`
}

type answer struct {
	Object    interface{}          `json:"object,omitempty"`
	Conflicts []metav1.StatusCause `json:"conflicts,omitempty"`
	Error     string               `json:"error,omitempty"`
}

// A kind whose version has no model has the type that is read off the object.
const deducedKind = "Deduced"

// contest is the object that is written, with a field manager for each version in which it was written.
type contest struct {
	typed    managedfields.TypeConverter
	versions versions
	hub      schema.GroupVersion
	managers map[schema.GroupVersionKind]*managedfields.FieldManager
	live     runtime.Object
}

func newContest(typed managedfields.TypeConverter, served versions, kind schema.GroupVersionKind) *contest {
	if kind.Kind == deducedKind {
		typed = managedfields.NewDeducedTypeConverter()
	}
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(kind)
	managers := map[schema.GroupVersionKind]*managedfields.FieldManager{}
	return &contest{typed, served, kind.GroupVersion(), managers, live}
}

// manager is the server's own for writes of a kind in a version; status is a subresource.
func (c *contest) manager(kind schema.GroupVersionKind) (*managedfields.FieldManager, error) {
	if manager, ok := c.managers[kind]; ok {
		return manager, nil
	}
	status := fieldpath.NewSet(fieldpath.MakePathOrDie("status"))
	reset := map[fieldpath.APIVersion]fieldpath.Filter{}
	for version := range c.versions {
		reset[fieldpath.APIVersion(version.String())] = fieldpath.NewExcludeSetFilter(status)
	}
	manager, err := managedfields.NewDefaultCRDFieldManager(
		c.typed, c.versions, nothing{}, nothing{}, kind, c.hub, "", reset)
	if err == nil {
		c.managers[kind] = manager
	}
	return manager, err
}

func (c *contest) write(r *request) error {
	obj := &unstructured.Unstructured{Object: r.Object}
	manager, err := c.manager(obj.GroupVersionKind())
	if err != nil {
		return err
	}
	var written runtime.Object
	switch r.Op {
	case "apply":
		written, err = manager.Apply(c.live, obj, r.Manager, r.Force)
	case "update":
		written, err = manager.Update(c.live, obj, r.Manager)
	default:
		err = fmt.Errorf("unknown op %q", r.Op)
	}
	if err == nil {
		c.live = written
	}
	return err
}

// versions are those that are served. They convert into each other by their names alone.
type versions map[schema.GroupVersion]bool

func (v versions) ConvertToVersion(in runtime.Object, to runtime.GroupVersioner) (runtime.Object, error) {
	kind := in.GetObjectKind().GroupVersionKind()
	target, ok := to.KindForGroupVersionKinds([]schema.GroupVersionKind{kind})
	if !ok || !v[target.GroupVersion()] {
		return nil, runtime.NewNotRegisteredErrForTarget("test", nil, to)
	}
	out := in.DeepCopyObject()
	out.GetObjectKind().SetGroupVersionKind(target)
	return out, nil
}

func (v versions) Convert(in, out, context interface{}) error {
	return errors.New("not used")
}

func (v versions) ConvertFieldLabel(_ schema.GroupVersionKind, _, _ string) (string, string, error) {
	return "", "", errors.New("not used")
}

// nothing is filled in, and a new object is empty.
type nothing struct{}

func (nothing) Default(runtime.Object) {}

func (nothing) New(kind schema.GroupVersionKind) (runtime.Object, error) {
	obj := &unstructured.Unstructured{}
	obj.SetGroupVersionKind(kind)
	return obj, nil
}

// read gives the models of a document, and the versions that its kinds have.
func read(path string) (map[string]*spec.Schema, versions, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	var doc spec3.OpenAPI
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, nil, err
	}
	served := versions{}
	for _, model := range doc.Components.Schemas {
		kinds, _ := model.Extensions["x-kubernetes-group-version-kind"].([]interface{})
		for _, kind := range kinds {
			names := kind.(map[string]interface{})
			served[schema.GroupVersion{Group: names["group"].(string), Version: names["version"].(string)}] = true
		}
	}
	return doc.Components.Schemas, served, nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	models, served, err := read(os.Args[1])
	if err != nil {
		return err
	}
	typed, err := managedfields.NewTypeConverter(models, false)
	if err != nil {
		return err
	}
	var current *contest
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var r request
		// As the server reads it: whole numbers are integers.
		if err := kjson.UnmarshalCaseSensitivePreserveInts(in.Bytes(), &r); err != nil {
			return err
		}
		if r.Op == "reset" {
			current, err = newContest(typed, served, schema.FromAPIVersionAndKind(r.APIVersion, r.Kind)), nil
		} else {
			err = current.write(&r)
		}
		a := answer{Object: current.live}
		var status *apierrors.StatusError
		if errors.As(err, &status) && status.ErrStatus.Reason == metav1.StatusReasonConflict {
			a.Conflicts = status.ErrStatus.Details.Causes
		} else if err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
	return in.Err()
}
