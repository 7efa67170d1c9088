{{/* What the program is told. Secrets are references: their values are in no object of the chart. */}}
{{- define "regards-order.secretEnv" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ required (printf "%s.existingSecret: the name of a Secret is needed" .what) .from.existingSecret }}
      key: {{ .from.key }}
{{- end -}}

{{/* Roles and Jobs alike. */}}
{{- define "regards-order.commonEnv" -}}
- name: ORDER_TENANT
  value: {{ include "regards-order.tenant" . | quote }}
- name: ORDER_LOG_LEVEL
  value: {{ .Values.logLevel }}
{{ include "regards-order.secretEnv" (dict "name" "ORDER_DATABASE_URL" "what" "database" "from" .Values.database) }}
{{ include "regards-order.blobsEnv" . }}
{{- with .Values.tracing.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "regards-order.blobsEnv" -}}
{{- $s3 := .Values.blobs.s3 -}}
{{- $claim := include "regards-order.claim" . -}}
{{- if and $s3.bucket $claim -}}
{{- fail "blobs: either s3.bucket or a claim is needed, not both" -}}
{{- else if $s3.bucket -}}
- name: ORDER_BLOBS_URL
  value: {{ printf "s3://%s/%s" $s3.bucket (trimAll "/" $s3.prefix) | trimSuffix "/" | quote }}
- name: ORDER_S3_REGION
  value: {{ $s3.region | quote }}
{{- with $s3.endpoint }}
- name: ORDER_S3_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- if $s3.existingSecret }}
{{ include "regards-order.secretEnv" (dict "name" "ORDER_S3_ACCESS_KEY_ID" "what" "blobs.s3" "from" (dict "existingSecret" $s3.existingSecret "key" $s3.accessKeyIdKey)) }}
{{ include "regards-order.secretEnv" (dict "name" "ORDER_S3_SECRET_ACCESS_KEY" "what" "blobs.s3" "from" (dict "existingSecret" $s3.existingSecret "key" $s3.secretAccessKeyKey)) }}
{{- end }}
{{- else if $claim -}}
- name: ORDER_BLOBS_URL
  value: file:///var/lib/regards-order/blobs
{{- else -}}
{{- fail "blobs: one of s3.bucket, existingClaim and claim.create is needed" -}}
{{- end -}}
{{- end -}}

{{/* Roles only. */}}
{{- define "regards-order.roleEnv" -}}
- name: ORDER_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: ORDER_POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: ORDER_PUBLIC_URL
  value: {{ required "publicUrl: the address where users reach the service is needed" .Values.publicUrl | quote }}
- name: ORDER_PREFIX
  value: {{ .Values.prefix | quote }}
- name: ORDER_HEALTH_PORT
  value: "9080"
{{ include "regards-order.commonEnv" . }}
{{- end -}}

{{/* Where `s3:` sources lie: for who reads them, Jobs and, for references, the API. */}}
{{- define "regards-order.sourcesEnvFrom" -}}
{{- with .Values.sources.s3.existingSecret }}
- secretRef:
    name: {{ . }}
{{- end }}
{{- end -}}

{{- define "regards-order.volumes" -}}
{{- with (include "regards-order.claim" .) }}
- name: blobs
  persistentVolumeClaim:
    claimName: {{ . }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "regards-order.volumeMounts" -}}
{{- if (include "regards-order.claim" .) }}
- name: blobs
  mountPath: /var/lib/regards-order/blobs
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}
