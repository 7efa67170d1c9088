// The agent that enforces NetworkPolicies on the test bed's one node: kube-router's controller for them, and no more of kube-router. That controller
// lets a rule for one direction of a policy speak for the other direction too, and fails at addresses of IPv6. So it is shown each policy as two, one
// for each direction, without the peers that it cannot read.
package main

import (
	"strings"
	"sync"
	"time"

	"github.com/cloudnativelabs/kube-router/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/pkg/options"
	"github.com/spf13/cobra"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	core "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func newNetworkPoliciesCommand() *cobra.Command {
	config := options.NewKubeRouterConfig()
	// A pass that failed is only made good by the next one.
	config.IPTablesSyncPeriod = 30 * time.Second
	command := &cobra.Command{Use: "network-policies", RunE: func(*cobra.Command, []string) error { return enforce(config) }}
	command.Flags().StringVar(&config.Kubeconfig, "kubeconfig", "", "where Kubernetes is, and who asks")
	command.Flags().StringVar(&config.HostnameOverride, "hostname-override", "", "name of the node")
	command.Flags().StringVar(&config.ClusterIPCIDR, "service-cluster-ip-range", "", "addresses of Services")
	return command
}

func enforce(config *options.KubeRouterConfig) error {
	access, err := clientcmd.BuildConfigFromFlags("", config.Kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(access)
	if err != nil {
		return err
	}
	here := fields.OneTermEqualSelector("spec.nodeName", config.HostnameOverride).String()
	byNamespace := cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}
	pods := core.NewFilteredPodInformer(client, meta.NamespaceAll, 0, byNamespace, func(list *meta.ListOptions) { list.FieldSelector = here })
	rest := informers.NewSharedInformerFactory(client, 0)
	namespaces, policies := rest.Core().V1().Namespaces().Informer(), rest.Networking().V1().NetworkPolicies().Informer()
	controller, err := netpol.NewNetworkPolicyController(client, config, pods, readablePolicies{policies}, namespaces, &sync.Mutex{})
	if err != nil {
		return err
	}
	never := make(chan struct{})
	for informer, handler := range map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		pods: controller.PodEventHandler, namespaces: controller.NamespaceEventHandler, policies: controller.NetworkPolicyEventHandler,
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
		go informer.Run(never)
	}
	cache.WaitForCacheSync(never, pods.HasSynced, namespaces.HasSynced, policies.HasSynced)
	beats := make(chan *healthcheck.ControllerHeartbeat)
	go func() {
		for range beats {
		}
	}()
	var running sync.WaitGroup
	running.Add(1)
	controller.Run(beats, never, &running)
	return nil
}

type readablePolicies struct{ cache.SharedIndexInformer }

func (p readablePolicies) GetIndexer() cache.Indexer {
	return readableIndexer{p.SharedIndexInformer.GetIndexer()}
}

type readableIndexer struct{ cache.Indexer }

func (i readableIndexer) List() []interface{} {
	var list []interface{}
	for _, object := range i.Indexer.List() {
		for _, direction := range object.(*networking.NetworkPolicy).Spec.PolicyTypes {
			list = append(list, oneDirection(object.(*networking.NetworkPolicy), direction))
		}
	}
	return list
}

func oneDirection(policy *networking.NetworkPolicy, direction networking.PolicyType) *networking.NetworkPolicy {
	one := policy.DeepCopy()
	one.Name += "-" + string(direction)
	one.Spec.PolicyTypes = []networking.PolicyType{direction}
	one.Spec.Ingress, one.Spec.Egress = nil, nil
	for _, rule := range policy.Spec.Ingress {
		from, some := readable(rule.From)
		if direction == networking.PolicyTypeIngress && some {
			one.Spec.Ingress = append(one.Spec.Ingress, networking.NetworkPolicyIngressRule{Ports: rule.Ports, From: from})
		}
	}
	for _, rule := range policy.Spec.Egress {
		to, some := readable(rule.To)
		if direction == networking.PolicyTypeEgress && some {
			one.Spec.Egress = append(one.Spec.Egress, networking.NetworkPolicyEgressRule{Ports: rule.Ports, To: to})
		}
	}
	return one
}

// The peers of IPv4, and whether anybody is left: a rule without peers is one for all.
func readable(peers []networking.NetworkPolicyPeer) ([]networking.NetworkPolicyPeer, bool) {
	var kept []networking.NetworkPolicyPeer
	for _, peer := range peers {
		if peer.IPBlock == nil || !strings.Contains(peer.IPBlock.CIDR, ":") {
			kept = append(kept, peer)
		}
	}
	return kept, len(kept) > 0 || len(peers) == 0
}
