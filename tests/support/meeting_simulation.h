// An elastic run whose members are MeetingMachines, with a network and a clock that seeds decide: messages take random
// times, processes are killed, stopped and continued, and cut off from others. A training loop stands beside each: it
// computes for a random time, and a merge appends the members that were merged to a text, the consensus. `file` stands
// for membership.jsonl: a chair writes a line after a state counts, and ends where the last line is not the one that it
// knows.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <queue>
#include <random>

#include "tests/support/simulated_process.h"

namespace skein::testing {

class MeetingSimulation {
 public:
  MeetingSimulation(uint64_t seed, const ElasticOptions& options, int64_t rounds, double timeout = 20)
      : random_(seed), options_(options), rounds_(rounds), timeout_(timeout) {}

  struct Line {
    StateKey base;
    std::string consensus;
  };
  std::vector<Line> file;
  std::map<int64_t, SimulatedProcess> processes;
  // States that counted for a chair and are not of the file's history: there were two runs.
  int64_t branches = 0;
  // Share of first states whose connection breaks, and how many of them came whole over another.
  double breaks = 0;
  int64_t resumed = 0;
  double now = 0;

  void start_first() {
    const Member first{0, "0", "process 0"};
    processes[0].machine = std::make_unique<MeetingMachine>(options_, timeout_, 0,
                                                            MeetingState{{}, {first}, 1, Json(""), nullptr}, true, now);
    processes[0].machine->gather(now);
    pump(0);
  }

  // A newcomer asks the chair, if there is one; else again later.
  void join() {
    for (auto& [id, p] : processes) {
      if (p.state != SimulatedProcess::running || !p.machine || !p.machine->is_chair()) continue;
      const auto given = p.machine->admit("address", "process");
      if (!given) return;
      if (processes.contains(*given) && processes[*given].state == SimulatedProcess::running) return;
      processes[*given] = {};
      linked_.insert({id, *given});
      return;
    }
    after(0.5, [this] { join(); });
  }
  void kill(int64_t id) {
    SimulatedProcess& p = processes[id];
    if (p.state == SimulatedProcess::dead || p.state == SimulatedProcess::ended) return;
    p.state = SimulatedProcess::dead;
    close_links(id);
  }
  void stop(int64_t id, double seconds) {
    if (processes[id].state != SimulatedProcess::running) return;
    processes[id].state = SimulatedProcess::stopped;
    after(seconds, [this, id] {
      SimulatedProcess& p = processes[id];
      if (p.state != SimulatedProcess::stopped) return;
      p.state = SimulatedProcess::running;
      for (auto& f : std::exchange(p.waiting, {})) f();
    });
  }
  // Messages between `id` and all others are held back for a time.
  void cut_off(int64_t id, double seconds) { cut_[id] = now + seconds; }
  void after(double seconds, std::function<void()> f) { events_.push({now + seconds, ++number_, std::move(f)}); }

  // Runs until nothing lives or the time is over. Returns whether all have ended.
  bool run(double until) {
    tick_all();
    while (!events_.empty() && now < until) {
      Event e = events_.top();
      events_.pop();
      now = e.time;
      e.run();
      if (alive() == 0) return true;
    }
    return alive() == 0;
  }
  int64_t alive() const {
    return std::count_if(processes.begin(), processes.end(), [](const auto& p) {
      return p.second.state == SimulatedProcess::running || p.second.state == SimulatedProcess::stopped;
    });
  }
  std::vector<int64_t> ids() const {
    std::vector<int64_t> all;
    for (const auto& [id, p] : processes) all.push_back(id);
    return all;
  }
  double random(double low, double high) { return std::uniform_real_distribution(low, high)(random_); }

 private:
  struct Event {
    double time;
    int64_t number;
    std::function<void()> run;
    bool operator<(const Event& other) const { return std::pair(time, number) > std::pair(other.time, other.number); }
  };

  void tick_all() {
    for (const int64_t id : ids())
      if (SimulatedProcess& p = processes[id]; p.state == SimulatedProcess::running && p.machine) {
        p.machine->tick(now);
        pump(id);
      }
    after(0.05, [this] { tick_all(); });
  }

  // Bytes on one stream arrive in order; what comes to a stopped process waits.
  void deliver(int64_t from, int64_t to, std::function<void()> f) {
    double& last = arrives_[{from, to}];
    const double held = std::max({now, cut_[from], cut_[to]});
    last = std::max(last, held + random(0.0005, 0.02));
    after(last - now, [this, to, f = std::move(f)] { on(to, f); });
  }
  void on(int64_t id, const std::function<void()>& f) {
    SimulatedProcess& p = processes[id];
    if (p.state == SimulatedProcess::stopped) p.waiting.push_back([this, id, f] { on(id, f); });
    if (p.state != SimulatedProcess::running) return;
    f();
    pump(id);
  }

  void close_links(int64_t id) {
    for (const auto& [a, b] : linked_) {
      if (a != id && b != id) continue;
      const int64_t other = a == id ? b : a;
      deliver(id, other, [this, id, other] {
        SimulatedProcess& p = processes[other];
        if (p.machine) return p.machine->close(id, now);
        finish(other, "no chair");  // a newcomer
      });
    }
  }

  void finish(int64_t id, const std::string& why) {
    SimulatedProcess& p = processes[id];
    if (p.state == SimulatedProcess::ended) return;
    p.state = SimulatedProcess::ended;
    p.end = why;
    close_links(id);
  }

  void send(int64_t from, int64_t to, const Packet& packet) {
    if (!linked_.contains({from, to}) && !linked_.contains({to, from})) return;
    deliver(from, to, [this, from, to, packet] {
      SimulatedProcess& p = processes[to];
      if (p.machine) {
        p.machine->receive(from, packet, now);
      } else if (packet.kind == PacketKind::state) {
        breaks > 0 && random(0, 1) < breaks ? break_copy(from, to, packet) : begin(to, packet);
      } else if (packet.kind == PacketKind::rest) {
        ++resumed;
        p.part.payload = std::make_shared<const std::string>(*p.part.payload + *packet.payload);
        begin(to, p.part);
      }
    });
  }
  void begin(int64_t id, const Packet& first) {
    AddressedState a = state_of(first);
    EXPECT_EQ(*a.state.payload, consensus(a.state.run)) << "put together from other parts";
    SimulatedProcess& p = processes[id];
    p.machine = std::make_unique<MeetingMachine>(options_, timeout_, a.to, std::move(a.state), false, now);
    p.machine->acknowledge_first();
    begin_round(id);
  }

  // Half of a first state has come. The newcomer asks for the rest after a while; its chair may have ended by then.
  void break_copy(int64_t chair, int64_t id, const Packet& packet) {
    const size_t half = packet.payload->size() / 2;
    processes[id].part = {packet.kind, packet.text, std::make_shared<const std::string>(*packet.payload, 0, half)};
    deliver(id, chair, [this, chair, id] { processes[chair].machine->close(id, now); });
    const StateKey key = state_of(packet).state.key;
    after(random(0, 0.5), [this, chair, id, key, half] {
      deliver(id, chair, [this, chair, id, key, half] {
        if (!processes[chair].machine->resume({id, key, int64_t(half)}, "address", "process"))
          deliver(chair, id, [this, id] { finish(id, "refused"); });
      });
    });
  }

  static std::string consensus(const Json& run) { return run.get<std::string>() + "."; }  // never empty

  void connect(int64_t from, const Outgoing& o) {
    const int64_t to = o.to;
    const bool probe = o.kind == Outgoing::probe;
    const auto& target = processes[to].state;
    if (target == SimulatedProcess::stopped || cut_[from] > now || cut_[to] > now) {
      if (!probe)
        after(0.3, [this, from, to] { on(from, [this, from, to] { processes[from].machine->unreachable(to, now); }); });
      return;
    }
    if (target != SimulatedProcess::running)
      return after(0.001,
                   [this, from, to] { on(from, [this, from, to] { processes[from].machine->close(to, now); }); });
    linked_.insert({from, to});
    if (probe) return send(from, to, o.packet);
    after(0.001, [this, from, to] { on(from, [this, from, to] { processes[from].machine->connected(to, now); }); });
  }

  void pump(int64_t id) {
    SimulatedProcess& p = processes[id];
    if (!p.machine || p.state != SimulatedProcess::running) return;
    for (const Outgoing& o : p.machine->take_outgoing())
      o.kind == Outgoing::send ? send(id, o.to, o.packet) : connect(id, o);
    if (auto event = p.machine->take_event()) handle(id, *event);
  }

  void handle(int64_t id, const MeetingEvent& event) {
    SimulatedProcess& p = processes[id];
    MeetingMachine& m = *p.machine;
    switch (event.kind) {
      case MeetingEvent::merge: {
        std::string next = m.state().run.get<std::string>();
        if (!event.contributions.empty()) {
          next += fmt::format("|{}", rounds_done(next) + 1);
          for (const Contribution& c : event.contributions) next += fmt::format(",{}", c.member);
        }
        const int64_t life = p.life;
        const auto payload = std::make_shared<const std::string>(consensus(Json(next)));
        return after(random(0, 0.05), [this, id, next, payload, life] {
          on(id, [this, id, next, payload, life] {
            if (processes[id].life == life) processes[id].machine->publish(Json(next), payload, now);
          });
        });
      }
      case MeetingEvent::state:
        if (m.is_chair() && !write_line(id)) return finish(id, "stale");
        return begin_round(id);
      case MeetingEvent::chair:
        p.complete = true;
        m.finish();
        for (const Outgoing& o : m.take_outgoing()) send(id, o.to, o.packet);
        return finish(id, "done");
      case MeetingEvent::done:
        p.complete = true;
        return finish(id, "done");
      case MeetingEvent::deposed:
      case MeetingEvent::alone:
      case MeetingEvent::stopped:
        return finish(id, event.why);
    }
  }

  // The state that counts now, unless the file has it.
  bool write_line(int64_t id) {
    const MeetingState& s = processes[id].machine->state();
    const std::string consensus = s.run.get<std::string>();
    if (!file.empty() && file.back().base == s.key && file.back().consensus == consensus) return true;
    if (!file.empty() && (!consensus.starts_with(file.back().consensus) || s.key < file.back().base)) {
      // Its last state may be one that the others had taken before they went on without it.
      branches += !file.back().consensus.starts_with(consensus);
      return false;
    }
    file.push_back({s.key, consensus});
    return true;
  }

  static int64_t rounds_done(const std::string& consensus) {
    return std::count(consensus.begin(), consensus.end(), '|');
  }

  void begin_round(int64_t id) {
    SimulatedProcess& p = processes[id];
    const int64_t life = ++p.life;
    const StateKey base = p.machine->state().key;
    if (rounds_done(p.machine->state().run.get<std::string>()) >= rounds_) {
      p.machine->await_end(now);
      return pump(id);
    }
    after(random(0.1, 0.4), [this, id, life, base] {
      on(id, [this, id, life, base] {
        if (processes[id].life == life) processes[id].machine->contribute({id, base, Json(""), nullptr}, now);
      });
    });
  }

  std::mt19937_64 random_;
  const ElasticOptions options_;
  const int64_t rounds_;
  const double timeout_;
  std::priority_queue<Event> events_;
  int64_t number_ = 0;
  std::set<std::pair<int64_t, int64_t>> linked_;
  std::map<std::pair<int64_t, int64_t>, double> arrives_;
  std::map<int64_t, double> cut_;
};

}  // namespace skein::testing
