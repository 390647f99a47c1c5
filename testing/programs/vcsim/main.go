// A vCenter for tests: the simulator of govmomi, with what it lacks: product versions, faults at any
// call, and an inventory that a test can fill and read over plain HTTP at a second address.
//
// It prints both addresses on a line, and ends when its standard input does.
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"

	"github.com/vmware/govmomi/simulator"
	_ "github.com/vmware/govmomi/vapi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// Who may log in: the simulator takes anybody unless it is told.
const (
	user     = "osimage@vsphere.local"
	password = "correct & horse"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address")
	certificate := flag.String("certificate", "", "file of its certificate, PEM")
	key := flag.String("key", "", "file of its key, PEM")
	machines := flag.Int("machines", 0, "machines that only have a name")
	flag.Parse()
	if err := run(*listen, *certificate, *key, *machines); err != nil {
		log.Fatal(err)
	}
}

func run(listen, certificate, key string, machines int) error {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return err
	}
	model := simulator.VPX()
	model.Cluster = 2
	model.Host = 0
	model.Pool = 1
	model.Datastore = 2
	model.Machine = 0
	model.Autostart = false
	defer model.Remove()
	if err := model.Create(); err != nil {
		return err
	}
	service := model.Service
	service.RegisterEndpoints = true
	service.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	service.Listen = &url.URL{Host: listen, User: url.UserPassword(user, password)}
	addNames(model.Map(), machines)
	rules := &rules{pending: map[string][]string{}}
	model.Map().Handler = rules.handler
	server := service.NewServer()
	defer server.Close()
	control := &control{server: server, registry: model.Map(), context: service.Context, rules: rules}
	server.Config.Handler = rules.middleware(server.Config.Handler)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(listener, control.handler()) }()
	fmt.Println(server.URL.Host, listener.Addr())
	// Whoever started it holds the other end of standard input, and lets go of it however it ends.
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// Machines that can be listed, and nothing else: making whole ones takes minutes where there are
// thousands.
func addNames(registry *simulator.Registry, count int) {
	datacenter := registry.Any("Datacenter").(*simulator.Datacenter)
	folder := registry.Get(datacenter.VmFolder).(*simulator.Folder)
	for number := range count {
		machine := new(simulator.VirtualMachine)
		machine.Name = fmt.Sprintf("machine-%d", number)
		machine.Config = new(types.VirtualMachineConfigInfo)
		registry.PutEntity(folder, machine)
		folder.ChildEntity = append(folder.ChildEntity, machine.Self)
	}
}
