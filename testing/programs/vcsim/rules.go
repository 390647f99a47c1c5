package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"sync"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// A rule says what becomes of one call.
type rule struct {
	// Number of the call since the last reset, from 1; 0: by name.
	Call int `json:"call"`
	// Name of the call: a SOAP method, or method and path of HTTP.
	Name string `json:"name"`
	// How many calls of the name pass first.
	Skip int `json:"skip"`
	// How many calls it holds for after that; 0: one.
	Times int `json:"times"`
	// fault: a fault of the type that value names; hang-before, hang-after: no answer, ever;
	// drop-before, drop-after, drop-middle: the connection is cut; status: the status that value
	// names; answer: the body that value is, with status 200; replace: in the answer, what the
	// pattern before => in value matches becomes what stands behind it.
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

type rules struct {
	mutex   sync.Mutex
	rules   []*rule
	calls   []string
	waiting int
	// Faults that calls under way are to have, by name.
	pending map[string][]string
}

var method = regexp.MustCompile(`<(?:\w+:)?Body[^>]*>\s*<(?:\w+:)?(\w+)`)

// Parts of a path that differ from run to run.
var volatile = regexp.MustCompile(`/nfc/.*|/id:[^/?]*`)

func name(request *http.Request, body []byte) string {
	if found := method.FindSubmatch(body); found != nil {
		return string(found[1])
	}
	path := volatile.ReplaceAllStringFunc(request.URL.Path, func(part string) string {
		return part[:strings.IndexAny(part[1:], "/:")+2]
	})
	return request.Method + " " + path
}

// Takes note of a call and finds the rule for it.
func (r *rules) match(name string) *rule {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.calls = append(r.calls, name)
	for _, rule := range r.rules {
		if rule.Call != 0 && rule.Call == len(r.calls) {
			return rule
		}
		if rule.Call != 0 || rule.Name != name {
			continue
		}
		if rule.Skip > 0 {
			rule.Skip--
			continue
		}
		if rule.Times >= 0 {
			rule.Times--
			return rule
		}
	}
	return nil
}

func (r *rules) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		var body []byte
		if request.URL.Path == "/sdk" {
			body, _ = io.ReadAll(request.Body)
			request.Body = io.NopCloser(bytes.NewReader(body))
		}
		name := name(request, body)
		rule := r.match(name)
		if rule == nil {
			next.ServeHTTP(writer, request)
			return
		}
		switch rule.Kind {
		case "fault":
			r.mutex.Lock()
			r.pending[name] = append(r.pending[name], rule.Value)
			r.mutex.Unlock()
			next.ServeHTTP(writer, request)
		case "answer":
			_, _ = writer.Write([]byte(rule.Value))
		case "status":
			_, _ = io.Copy(io.Discard, request.Body)
			writer.WriteHeader(map[string]int{"503": 503, "401": 401, "403": 403}[rule.Value])
		case "replace":
			recorder := httptest.NewRecorder()
			next.ServeHTTP(recorder, request)
			pattern, replacement, _ := strings.Cut(rule.Value, "=>")
			body := regexp.MustCompile(pattern).ReplaceAll(recorder.Body.Bytes(), []byte(replacement))
			_, _ = writer.Write(body)
		case "drop-middle":
			_, _ = io.CopyN(io.Discard, request.Body, 64<<10)
			panic(http.ErrAbortHandler)
		case "drop-after", "hang-after":
			next.ServeHTTP(httptest.NewRecorder(), request)
			r.stop(rule.Kind, request)
		default:
			r.stop(rule.Kind, request)
		}
	})
}

// Never answers.
func (r *rules) stop(kind string, request *http.Request) {
	if strings.HasPrefix(kind, "hang") {
		r.mutex.Lock()
		r.waiting++
		r.mutex.Unlock()
		<-request.Context().Done()
	}
	panic(http.ErrAbortHandler)
}

// The simulator asks it about every SOAP call.
func (r *rules) handler(context *simulator.Context, method *simulator.Method) (mo.Reference, types.BaseMethodFault) {
	if method.Name == "RetrievePropertiesEx" {
		fillProducts(context.Map)
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	faults := r.pending[method.Name]
	if len(faults) == 0 {
		return nil, nil
	}
	r.pending[method.Name] = faults[1:]
	kind, known := types.TypeFunc()(faults[0])
	if !known {
		return nil, &types.RuntimeFault{}
	}
	fault, _ := reflect.New(kind).Interface().(types.BaseMethodFault)
	return nil, fault
}

// A vCenter shows the product of a machine's OVF in its summary; the simulator does not.
func fillProducts(registry *simulator.Registry) {
	for _, entity := range registry.All("VirtualMachine") {
		machine, ok := entity.(*simulator.VirtualMachine)
		if !ok || machine.Config == nil || machine.Config.VAppConfig == nil {
			continue
		}
		if products := machine.Config.VAppConfig.GetVmConfigInfo().Product; len(products) > 0 {
			machine.Summary.Config.Product = &products[0]
		}
	}
}

func (r *rules) add(writer http.ResponseWriter, request *http.Request) {
	rule := new(rule)
	if err := json.NewDecoder(request.Body).Decode(rule); err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	if rule.Times > 0 {
		rule.Times--
	}
	r.mutex.Lock()
	r.rules = append(r.rules, rule)
	r.mutex.Unlock()
}

// Forgets rules and calls.
func (r *rules) reset(http.ResponseWriter, *http.Request) {
	r.mutex.Lock()
	r.rules, r.calls, r.waiting = nil, nil, 0
	r.pending = map[string][]string{}
	r.mutex.Unlock()
}

func (r *rules) list(writer http.ResponseWriter, _ *http.Request) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	_ = json.NewEncoder(writer).Encode(map[string]any{"calls": r.calls, "waiting": r.waiting})
}
