/** Resource types that are only asked questions and never stored: who am I, may I. */
export type VirtualKind = {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly component: string;
};

export const VIRTUAL_KINDS: readonly VirtualKind[] = [
  {
    group: "authorization.k8s.io",
    version: "v1",
    plural: "selfsubjectaccessreviews",
    kind: "SelfSubjectAccessReview",
    component: "io.k8s.api.authorization.v1.SelfSubjectAccessReview",
  },
  {
    group: "authorization.k8s.io",
    version: "v1",
    plural: "selfsubjectrulesreviews",
    kind: "SelfSubjectRulesReview",
    component: "io.k8s.api.authorization.v1.SelfSubjectRulesReview",
  },
  {
    group: "authentication.k8s.io",
    version: "v1",
    plural: "selfsubjectreviews",
    kind: "SelfSubjectReview",
    component: "io.k8s.api.authentication.v1.SelfSubjectReview",
  },
];
