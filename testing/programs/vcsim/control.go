package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path"
	"sort"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/find"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vapi/rest"
	"github.com/vmware/govmomi/vapi/tags"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// What tests do to the inventory, and see of it.
type control struct {
	server   *simulator.Server
	registry *simulator.Registry
	context  *simulator.Context
	rules    *rules
}

// A machine as tests speak of it.
type machine struct {
	Path       string   `json:"path"`
	Version    string   `json:"version"`
	Template   bool     `json:"template"`
	Annotation string   `json:"annotation"`
	Thin       *bool    `json:"thin"`
	Eager      *bool    `json:"eager"`
	Tags       []string `json:"tags"`
}

func (c *control) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /rule", c.rules.add)
	mux.HandleFunc("POST /reset", c.rules.reset)
	mux.HandleFunc("GET /calls", c.rules.list)
	mux.HandleFunc("GET /machines", c.machines)
	for pattern, do := range map[string]func(context.Context, *govmomi.Client, *json.Decoder) error{
		"POST /folder":      c.folder,
		"POST /machine":     c.machine,
		"POST /tag":         c.tag,
		"POST /maintenance": c.maintenance,
		"POST /remove":      c.remove,
	} {
		mux.HandleFunc(pattern, func(writer http.ResponseWriter, request *http.Request) {
			if err := c.with(request.Context(), json.NewDecoder(request.Body), do); err != nil {
				http.Error(writer, err.Error(), http.StatusInternalServerError)
			}
		})
	}
	return mux
}

// Calls the simulator inside this process; what tests prepare is not counted.
func (c *control) with(ctx context.Context, body *json.Decoder, do func(context.Context, *govmomi.Client, *json.Decoder) error) error {
	before := len(c.rules.calls)
	client, err := govmomi.NewClient(ctx, c.server.URL, true)
	if err == nil {
		err = do(ctx, client, body)
		_ = client.Logout(ctx)
	}
	c.rules.mutex.Lock()
	c.rules.calls = c.rules.calls[:before]
	c.rules.mutex.Unlock()
	return err
}

func (c *control) folder(ctx context.Context, client *govmomi.Client, body *json.Decoder) error {
	var wanted struct{ Path string }
	if err := body.Decode(&wanted); err != nil {
		return err
	}
	parent, err := find.NewFinder(client.Client).Folder(ctx, path.Dir(wanted.Path))
	if err == nil {
		_, err = parent.CreateFolder(ctx, path.Base(wanted.Path))
	}
	return err
}

func (c *control) machine(ctx context.Context, client *govmomi.Client, body *json.Decoder) error {
	var wanted machine
	if err := body.Decode(&wanted); err != nil {
		return err
	}
	finder := find.NewFinder(client.Client)
	folder, err := finder.Folder(ctx, path.Dir(wanted.Path))
	if err != nil {
		return err
	}
	pool, err := finder.ResourcePool(ctx, "/DC0/host/DC0_C0/Resources")
	if err != nil {
		return err
	}
	spec := types.VirtualMachineConfigSpec{
		Name:       path.Base(wanted.Path),
		GuestId:    "otherGuest",
		Annotation: wanted.Annotation,
		Files:      &types.VirtualMachineFileInfo{VmPathName: "[LocalDS_0]"},
	}
	if wanted.Version != "" {
		spec.VAppConfig = &types.VAppConfigSpec{VmConfigSpec: types.VmConfigSpec{
			Product: []types.VAppProductSpec{{
				ArrayUpdateSpec: types.ArrayUpdateSpec{Operation: types.ArrayUpdateOperationAdd},
				Info:            &types.VAppProductInfo{Version: wanted.Version},
			}},
		}}
	}
	if wanted.Thin != nil {
		datastore, err := finder.Datastore(ctx, "/DC0/datastore/LocalDS_0")
		if err != nil {
			return err
		}
		controller, err := object.VirtualDeviceList{}.CreateSCSIController("pvscsi")
		if err != nil {
			return err
		}
		disk := object.VirtualDeviceList{}.CreateDisk(controller.(types.BaseVirtualController), datastore.Reference(), "")
		disk.CapacityInKB = 1024
		backing := disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
		backing.ThinProvisioned, backing.EagerlyScrub = wanted.Thin, wanted.Eager
		devices := object.VirtualDeviceList{controller, disk}
		if spec.DeviceChange, err = devices.ConfigSpec(types.VirtualDeviceConfigSpecOperationAdd); err != nil {
			return err
		}
	}
	task, err := folder.CreateVM(ctx, spec, pool, nil)
	if err != nil {
		return err
	}
	created, err := task.WaitForResult(ctx)
	if err != nil {
		return err
	}
	vm := object.NewVirtualMachine(client.Client, created.Result.(types.ManagedObjectReference))
	if wanted.Template {
		return vm.MarkAsTemplate(ctx)
	}
	return nil
}

func (c *control) manager(ctx context.Context, client *govmomi.Client) (*tags.Manager, error) {
	session := rest.NewClient(client.Client)
	return tags.NewManager(session), session.Login(ctx, c.server.URL.User)
}

func (c *control) tag(ctx context.Context, client *govmomi.Client, body *json.Decoder) error {
	var wanted struct{ Name string }
	if err := body.Decode(&wanted); err != nil {
		return err
	}
	manager, err := c.manager(ctx, client)
	if err != nil {
		return err
	}
	category, err := manager.CreateCategory(ctx, &tags.Category{Name: "of " + wanted.Name, Cardinality: "MULTIPLE"})
	if err == nil {
		_, err = manager.CreateTag(ctx, &tags.Tag{Name: wanted.Name, CategoryID: category})
	}
	return err
}

func (c *control) maintenance(_ context.Context, _ *govmomi.Client, body *json.Decoder) error {
	var wanted struct{ On bool }
	err := body.Decode(&wanted)
	for _, entity := range c.registry.All("HostSystem") {
		entity.(*simulator.HostSystem).Runtime.InMaintenanceMode = wanted.On
	}
	return err
}

func (c *control) remove(ctx context.Context, client *govmomi.Client, body *json.Decoder) error {
	var wanted struct{ Path string }
	if err := body.Decode(&wanted); err != nil {
		return err
	}
	found, err := find.NewFinder(client.Client).VirtualMachineList(ctx, wanted.Path)
	var none *find.NotFoundError
	if errors.As(err, &none) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, machine := range found {
		task, err := machine.Destroy(ctx)
		if err == nil {
			err = task.Wait(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Every machine that there is, with its tags, by path.
func (c *control) machines(writer http.ResponseWriter, request *http.Request) {
	fillProducts(c.registry)
	var attached map[types.ManagedObjectReference][]string
	err := c.with(request.Context(), nil, func(ctx context.Context, client *govmomi.Client, _ *json.Decoder) error {
		var err error
		attached, err = c.attached(ctx, client)
		return err
	})
	if err != nil {
		http.Error(writer, err.Error(), http.StatusInternalServerError)
		return
	}
	list := []machine{}
	for _, entity := range c.registry.All("VirtualMachine") {
		vm := entity.(*simulator.VirtualMachine)
		shown := machine{
			Path: c.path(vm.Self), Template: vm.Config.Template, Annotation: vm.Config.Annotation,
			Tags: attached[vm.Self],
		}
		if shown.Tags == nil {
			shown.Tags = []string{}
		}
		if product := vm.Summary.Config.Product; product != nil {
			shown.Version = product.Version
		}
		list = append(list, shown)
	}
	sort.Slice(list, func(a, b int) bool { return list[a].Path < list[b].Path })
	_ = json.NewEncoder(writer).Encode(list)
}

func (c *control) attached(ctx context.Context, client *govmomi.Client) (map[types.ManagedObjectReference][]string, error) {
	attached := map[types.ManagedObjectReference][]string{}
	manager, err := c.manager(ctx, client)
	if err != nil {
		return nil, err
	}
	all, err := manager.GetTags(ctx)
	if err != nil {
		return nil, err
	}
	for _, tag := range all {
		objects, err := manager.ListAttachedObjects(ctx, tag.ID)
		if err != nil {
			return nil, err
		}
		for _, object := range objects {
			attached[object.Reference()] = append(attached[object.Reference()], tag.Name)
		}
	}
	return attached, nil
}

func (c *control) path(reference types.ManagedObjectReference) string {
	var parts []string
	for {
		entity, ok := c.registry.Get(reference).(mo.Entity)
		if !ok || entity.Entity().Parent == nil {
			break
		}
		parts = append([]string{entity.Entity().Name}, parts...)
		reference = *entity.Entity().Parent
	}
	return "/" + path.Join(parts...)
}
