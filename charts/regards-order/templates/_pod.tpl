{{/*
The Deployment of a role. Takes root, role (api, operator, amqp), settings (its values), graceSeconds, and texts in YAML: env, ports, mounts,
volumes, envFrom, annotations.
*/}}
{{- define "regards-order.deployment" -}}
{{- $root := .root -}}
{{- $settings := .settings -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "regards-order.fullname" $root }}-{{ .role }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "regards-order.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
  {{- with $settings.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- if not .scaled }}
  replicas: {{ $settings.replicas }}
  {{- end }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  selector:
    matchLabels:
      {{- include "regards-order.instance" $root | nindent 6 }}
      app.kubernetes.io/component: {{ .role }}
  template:
    metadata:
      labels:
        {{- with $settings.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- include "regards-order.labels" $root | nindent 8 }}
        app.kubernetes.io/component: {{ .role }}
      {{- if or .annotations $settings.podAnnotations }}
      annotations:
        {{- with .annotations }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- with $settings.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
    spec:
      serviceAccountName: {{ include "regards-order.fullname" $root }}-{{ .role }}
      automountServiceAccountToken: true
      enableServiceLinks: false
      # The first process of a container does not hear SIGTERM before it listens for it: with the pod's own first process above it, it does.
      shareProcessNamespace: true
      terminationGracePeriodSeconds: {{ .graceSeconds }}
      {{- with $root.Values.image.pullSecrets }}
      imagePullSecrets:
        {{- range . }}
        - name: {{ . }}
        {{- end }}
      {{- end }}
      {{- include "regards-order.podSecurity" $root | nindent 6 }}
      containers:
        - name: {{ .role }}
          image: {{ include "regards-order.image" $root }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: [{{ .role }}]
          env:
            {{- .env | nindent 12 }}
          {{- with .envFrom }}
          envFrom:
            {{- . | trim | nindent 12 }}
          {{- end }}
          ports:
            {{- with .ports }}
            {{- . | trim | nindent 12 }}
            {{- end }}
            - name: health
              containerPort: 9080
          livenessProbe:
            httpGet: { path: /healthz, port: health }
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: { path: /readyz, port: health }
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: 2
          resources:
            {{- toYaml $settings.resources | nindent 12 }}
          {{- include "regards-order.containerSecurity" $root | nindent 10 }}
          volumeMounts:
            - name: tmp
              mountPath: /tmp
            {{- with .mounts }}
            {{- . | trim | nindent 12 }}
            {{- end }}
      volumes:
        - name: tmp
          emptyDir: {}
        {{- with .volumes }}
        {{- . | trim | nindent 8 }}
        {{- end }}
      {{- with $root.Values.hostAliases }}
      hostAliases:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $settings.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with $settings.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $settings.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $settings.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- if $settings.topologySpread }}
      topologySpreadConstraints:
        {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
        - maxSkew: 1
          topologyKey: {{ . }}
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "regards-order.instance" $root | nindent 14 }}
              app.kubernetes.io/component: {{ $.role }}
          matchLabelKeys: [pod-template-hash]
        {{- end }}
      {{- end }}
{{- end -}}

{{- define "regards-order.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  {{- with .Values.runAs.user }}
  runAsUser: {{ . | int64 }}
  {{- end }}
  {{- with .Values.runAs.group }}
  runAsGroup: {{ . | int64 }}
  {{- end }}
  {{- with .Values.runAs.fsGroup }}
  fsGroup: {{ . | int64 }}
  fsGroupChangePolicy: OnRootMismatch
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{- define "regards-order.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}
