create table users (id uuid, email varchar, plan varchar, credits decimal(12,4), settings json,
                    created_at timestamptz, updated_at timestamptz);
create table jobs (id bigint, user_id uuid, status varchar, cost decimal(12,4),
                   created_at timestamptz, updated_at timestamptz);
create table sessions (id uuid, user_id uuid, ip varchar, created_at timestamptz, updated_at timestamptz);
create table usage_logs (id bigint, user_id uuid, job_id bigint, action varchar, units decimal(12,2),
                         created_at timestamptz, updated_at timestamptz);
create table ad_sessions (id uuid, user_id uuid, provider varchar, revenue decimal(10,6), segments integer[],
                          created_at timestamptz, updated_at timestamptz);
