#!/bin/sh
# Writes new secrets for one system into a file, as lines for .env (compose.yaml) or for a Secret (deploy/kubernetes):
#   REPLICATE_API_TOKEN=r8_... sh deploy/secrets.sh .env
# Without a token of Replicate, the sandbox takes its place. Lost secrets cannot be made again: keep the file. It is
# readable by its owner alone, and a file that exists is never replaced.
set -eu
umask 077

file=${1:?name the file to write: sh deploy/secrets.sh .env}
if [ -e "$file" ]; then
  echo "$file exists, and its secrets cannot be made again: name another file, or move it away" >&2
  exit 1
fi

secret() { openssl rand -hex 32; }
key() { openssl rand -base64 32; }

mongodb=$(secret)
rabbitmq=$(secret)

set -C # the shell refuses, too, if the file appears meanwhile
exec >"$file"
cat <<END
MONGODB_ROOT_PASSWORD=$(secret)
MONGODB_PASSWORD=$mongodb
RABBITMQ_PASSWORD=$rabbitmq
EXEMPLAR_MONGODB_URL=mongodb://exemplar:$mongodb@mongodb:27017/exemplar?replicaSet=rs0&authSource=admin
EXEMPLAR_AMQP_URL=amqp://exemplar:$rabbitmq@rabbitmq:5672/%2F
EXEMPLAR_JWT_SECRET=$(secret)
EXEMPLAR_ID_SECRET=$(secret)
EXEMPLAR_CALLBACK_SECRET=$(secret)
EXEMPLAR_KEY_PEPPERS={"1": "$(secret)"}
EXEMPLAR_WEBHOOK_MASTER_KEYS={"1": "$(secret)"}
EXEMPLAR_OPERATOR_KEYS=["$(secret)"]
EXEMPLAR_CHECKPOINT_KEY=$(key)
EXEMPLAR_RECEIPT_KEY=$(key)
END

if [ -n "${REPLICATE_API_TOKEN:-}" ]; then
  echo "REPLICATE_API_TOKEN=$REPLICATE_API_TOKEN"
else
  token=$(secret)
  printf '%s\n' "REPLICATE_API_TOKEN=$token" "EXEMPLAR_SANDBOX_TOKEN=$token" "REPLICATE_BASE_URL=http://sandbox:8091"
fi
