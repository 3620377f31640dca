{{/* What `config` leaves out. */}}
{{- define "jwtd.defaults" -}}
admin: 0.0.0.0:7520
# A folder to be made: others can write to the volume itself.
state_dir: /var/lib/jwtd/keys
{{- if eq .Values.mode "sidecar" }}
listen: [{ unix: /run/jwtd/jwtd.sock, mode: "0666" }]
cache: { max_bytes: 16MiB }
limits: { in_flight_bytes: 16MiB, connections: 256 }
{{- else }}
# Calls are taken until every node has heard that the pod is going.
drain_delay: 5s
{{- if .Values.tls.secretName }}
listen:
  - tcp: 0.0.0.0:7519
    tls:
      cert_file: /etc/jwtd-tls/tls.crt
      key_file: /etc/jwtd-tls/tls.key
      {{- if .Values.tls.clientCertificates }}
      client_ca_file: /etc/jwtd-tls/ca.crt
      {{- end }}
{{- else }}
listen: [{ tcp: 0.0.0.0:7519, plaintext: true }]
{{- end }}
{{- if eq .Values.mode "deployment" }}
connection: { max_age: 30m }
{{- end }}
{{- end }}
{{- end }}

{{- define "jwtd.config" -}}
{{- $shared := and (eq .Values.mode "deployment") (not .Values.config.listen) }}
{{- if and $shared (not .Values.tls.secretName) (not .Values.plaintext) }}
{{- fail "tls.secretName: is empty, and tokens would cross the network unencrypted. fix: name a Secret, or set plaintext: true if the network is trusted" }}
{{- end }}
{{- if and .Values.tls.clientCertificates (not .Values.tls.secretName) }}
{{- fail "tls.clientCertificates: does nothing without a certificate of jwtd's own. fix: set tls.secretName" }}
{{- end }}
{{- range $name, $issuer := .Values.config.issuers }}
{{- if and (not $.Values.clusterIssuer) (eq (dig "keys" "preset" "" $issuer) "kubernetes") (not (dig "keys" "bearer_file" "" $issuer)) }}
{{- fail (printf "config.issuers.%s.keys.preset: kubernetes wants a token of the pod, which is not there. fix: set clusterIssuer: true" $name) }}
{{- end }}
{{- end }}
{{- include "jwtd.revocation" . }}
{{- $config := deepCopy .Values.config }}
{{- /* Not `merge`: it takes a 0 or a false that somebody wrote for nothing written. */}}
{{- range $key, $default := include "jwtd.defaults" . | fromYaml }}
{{- if not (hasKey $config $key) }}{{ $_ := set $config $key $default }}{{ end }}
{{- if kindIs "map" $default }}
{{- range $inner, $value := $default }}
{{- if not (hasKey (get $config $key) $inner) }}{{ $_ := set (get $config $key) $inner $value }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
{{- toYaml $config }}
{{- end }}

{{/* Entries of revocation must outlive the pod, and no two daemons can share them. A feed over Redis
changes nothing of that: what was answered while Redis could not be reached stands on this disk alone. */}}
{{- define "jwtd.revocation" -}}
{{- if hasKey .Values.config "revocation" }}
{{- $dir := .Values.config.state_dir | default "" | toString }}
{{- $kept := false }}
{{- range $mount := .Values.volumeMounts }}
{{- if hasPrefix (printf "%s/" (trimSuffix "/" $mount.mountPath)) (printf "%s/" $dir) }}
{{- range $.Values.volumes }}
{{- if and (eq .name $mount.name) (not (hasKey . "emptyDir")) (not (hasKey . "ephemeral")) }}{{ $kept = true }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
{{- if not $kept }}
{{- fail "config.revocation: its entries are in `state_dir`, which would vanish with the pod, and revoked tokens would pass. fix: name a volume that lasts in volumes and volumeMounts, and set config.state_dir to a folder in it" }}
{{- end }}
{{- if and (eq .Values.mode "deployment") (or .Values.autoscaling.enabled (gt (int .Values.replicas) 1)) }}
{{- fail "config.revocation: each daemon keeps entries of its own, and the pods of a Deployment would share a volume that one of them locks. fix: set replicas: 1 and no autoscaling, or mode: daemonset with a volume of each node" }}
{{- end }}
{{- end }}
{{- end }}

{{/* Of what needs a restart; the rest is taken over by itself, and must not restart pods. */}}
{{- define "jwtd.startup-checksum" -}}
{{- $config := include "jwtd.config" . | fromYaml }}
{{- $limits := omit ($config.limits | default dict) "token_bytes" "header_bytes" "token_members" }}
{{- $startup := set (omit $config "issuers" "profiles") "limits" $limits }}
{{- if hasKey $config "revocation" }}
{{- $_ := set $startup "revocation" (omit ($config.revocation | default dict) "callers") }}
{{- end }}
{{- $startup | toJson | sha256sum }}
{{- end }}

{{/* The port of the first socket that other pods can reach; nothing, if there is none. */}}
{{- define "jwtd.port" -}}
{{- $port := "" }}
{{- range reverse (include "jwtd.config" . | fromYaml).listen }}
{{- if and .tcp (not (hasPrefix "127." (.tcp | toString))) (not (hasPrefix "[::1]" (.tcp | toString))) }}
{{- $port = regexFind "[0-9]+$" .tcp }}
{{- end }}
{{- end }}
{{- if and (not $port) (ne .Values.mode "sidecar") }}
{{- fail "config.listen: has no address that other pods can reach. fix: leave it out, or add one such as { tcp: 0.0.0.0:7519 }" }}
{{- end }}
{{- $port }}
{{- end }}

{{- define "jwtd.admin-port" -}}
{{- $admin := (include "jwtd.config" . | fromYaml).admin | toString }}
{{- if or (hasPrefix "127." $admin) (hasPrefix "[::1]" $admin) (not (regexMatch ":[0-9]+$" $admin)) }}
{{- fail (printf "config.admin: is %s, where neither probes nor Prometheus can reach it. fix: leave it out, or write 0.0.0.0:7520" $admin) }}
{{- end }}
{{- regexFind "[0-9]+$" $admin }}
{{- end }}

{{/* The path of the first Unix socket, in mode `sidecar`. */}}
{{- define "jwtd.socket" -}}
{{- $socket := "" }}
{{- range reverse (include "jwtd.config" . | fromYaml).listen }}{{ with .unix }}{{ $socket = . }}{{ end }}{{ end }}
{{- if not $socket }}{{ fail "config.listen: has no Unix socket for the sidecar. fix: leave it out, or add { unix: /run/jwtd/jwtd.sock }" }}{{ end }}
{{- $socket }}
{{- end }}
