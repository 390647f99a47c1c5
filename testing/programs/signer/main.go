// Copies an image and signs it, with the library and the options of `skopeo copy`: Debian builds skopeo
// without sigstore signatures.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/containers/image/v5/copy"
	"github.com/containers/image/v5/signature"
	"github.com/containers/image/v5/transports/alltransports"
	"github.com/containers/image/v5/types"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "FATA[0000]", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 1 && arguments[0] == "--version" {
		fmt.Println("skopeo version 1.18.0")
		return nil
	}
	// skopeo takes these before the command as well as behind it.
	kept := arguments[:0:0]
	for _, argument := range arguments {
		if argument != "copy" {
			kept = append(kept, argument)
		}
	}
	flags := flag.NewFlagSet("skopeo copy", flag.ContinueOnError)
	settings := flags.String("registries.d", "", "")
	policyFile := flags.String("policy", "", "")
	preserve := flags.Bool("preserve-digests", false, "")
	key := flags.String("sign-by-sigstore-private-key", "", "")
	passphraseFile := flags.String("sign-passphrase-file", "", "")
	authfile := flags.String("authfile", "", "")
	all := flags.Bool("all", false, "")
	from := flags.String("src-cert-dir", "", "")
	to := flags.String("dest-cert-dir", "", "")
	credentials := flags.String("src-creds", "", "")
	if err := flags.Parse(kept); err != nil {
		return err
	}
	system := func(certificates string) *types.SystemContext {
		return &types.SystemContext{
			RegistriesDirPath:       *settings,
			DockerCertPath:          certificates,
			AuthFilePath:            *authfile,
			BlobInfoCacheDir:        os.TempDir(),
			DockerDaemonHost:        "",
			DockerRegistryUserAgent: "osimage-tests",
		}
	}
	source, err := alltransports.ParseImageName(flags.Arg(0))
	if err != nil {
		return err
	}
	destination, err := alltransports.ParseImageName(flags.Arg(1))
	if err != nil {
		return err
	}
	policy := &signature.Policy{Default: signature.PolicyRequirements{signature.NewPRInsecureAcceptAnything()}}
	if *policyFile != "" {
		if policy, err = signature.NewPolicyFromFile(*policyFile); err != nil {
			return err
		}
	}
	trust, err := signature.NewPolicyContext(policy)
	if err != nil {
		return err
	}
	options := &copy.Options{
		ReportWriter:    os.Stdout,
		PreserveDigests: *preserve,
		SourceCtx:       system(*from),
		DestinationCtx:  system(*to),
	}
	if user, password, found := strings.Cut(*credentials, ":"); found {
		options.SourceCtx.DockerAuthConfig = &types.DockerAuthConfig{Username: user, Password: password}
	}
	if *all {
		options.ImageListSelection = copy.CopyAllImages
	}
	if *key != "" {
		passphrase, err := os.ReadFile(*passphraseFile)
		if err != nil {
			return err
		}
		options.SignBySigstorePrivateKeyFile = *key
		options.SignSigstorePrivateKeyPassphrase = []byte(strings.TrimSpace(string(passphrase)))
	}
	_, err = copy.Image(context.Background(), trust, destination, source, options)
	return err
}
